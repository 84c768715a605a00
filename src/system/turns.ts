/** What all else takes in a turn counts as long from here on, in milliseconds. */
const LONG_MS = 0.25

/**
 * Turns of the event loop for work that anybody can ask for much of: one piece of it in each, in the order asked, when all that had come
 * by then is dealt with. However many do such work, together they hold others up no longer than one does, or than these held up them:
 * where everything else took long, as many pieces follow each other as take as long.
 */
export class Turns {
  readonly #now: () => number
  #waiting: (() => void)[] = []
  #first = 0
  #isComing = false
  /** When a turn began, and when the one before it was over, by that clock. */
  #begunAt = 0
  #endedAt = 0
  /** How long it may be. */
  #shareMs = 0

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

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
    this.#endedAt = this.#now()
    setImmediate(this.#next)
  }

  readonly #next = (): void => {
    this.#begunAt = this.#now()
    const otherMs = this.#begunAt - this.#endedAt
    this.#shareMs = otherMs < LONG_MS ? 0 : otherMs
    this.#run()
  }

  #run(): void {
    const work = this.#waiting[this.#first]
    this.#first += 1
    // There may be no moment in which nobody waits.
    if (this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#first = 0
    }
    work?.()
    // Behind what those do who wait for a promise.
    queueMicrotask(this.#goOn)
  }

  readonly #goOn = (): void => {
    this.#isComing = this.size > 0
    if (!this.#isComing) return
    const now = this.#now()
    if (now - this.#begunAt < this.#shareMs) return this.#run()
    this.#endedAt = now
    setImmediate(this.#next)
  }
}
