/** Undefined when a promise takes longer. */
export function withinMs<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms)
    const end = () => clearTimeout(timer)
    promise.then(resolve, reject)
    promise.then(end, end)
  })
}
