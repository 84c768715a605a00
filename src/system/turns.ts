/**
 * Turns of the event loop for work that anybody can ask for much of: one piece of it in each, in the order asked, when all that had come
 * by then is dealt with. However many do such work, together they hold others up no longer than one does.
 */
export class Turns {
  #waiting: (() => void)[] = []
  #first = 0
  #isComing = false

  /** How many wait for theirs. */
  get size(): number {
    return this.#waiting.length - this.#first
  }

  /** Resolves in a turn that nobody else who asks here has. */
  take(): Promise<void> {
    return new Promise((resolve) => this.call(resolve))
  }

  /** Calls back in such a turn. */
  call(work: () => void): void {
    this.#waiting.push(work)
    if (this.#isComing) return
    this.#isComing = true
    setImmediate(this.#next)
  }

  readonly #next = (): void => {
    const work = this.#waiting[this.#first]
    this.#first += 1
    this.#isComing = this.size > 0
    if (this.#isComing) setImmediate(this.#next)
    // There may be no moment in which nobody waits.
    if (this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#first = 0
    }
    work?.()
  }
}
