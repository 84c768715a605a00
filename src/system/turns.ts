/**
 * Turns of the event loop for work that anybody can ask for much of: one piece of it in each, in the order asked, with everybody else's
 * requests between two. However many do such work, together they hold others up no longer than one does.
 */
export class Turns {
  readonly #waiting: (() => void)[] = []
  #isTaken = false

  /** Resolves in a turn that nobody else who asks here has; this one, if it is free. */
  take(): Promise<void> {
    if (this.#isTaken) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#isTaken = true
    setImmediate(this.#next)
    return Promise.resolve()
  }

  readonly #next = (): void => {
    const resolve = this.#waiting.shift()
    this.#isTaken = resolve !== undefined
    if (resolve === undefined) return
    setImmediate(this.#next)
    resolve()
  }
}
