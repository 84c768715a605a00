/** Waits for one promise after the other, each for as long: by one timer, where each would else have its own. */
export class Patience {
  readonly #ms: number
  #timer: NodeJS.Timeout | undefined
  #giveUp: (() => void) | undefined

  /** @param ms milliseconds */
  constructor(ms: number) {
    this.#ms = ms
  }

  /** Undefined when a promise takes longer. One call at a time. */
  within<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#giveUp = () => resolve(undefined)
      if (this.#timer === undefined) this.#timer = setTimeout(() => this.#giveUp?.(), this.#ms)
      else this.#timer.refresh()
      promise.then(resolve, reject)
    })
  }

  /** Waits for nothing more. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#giveUp = undefined
  }
}
