/** Places for a number of things at a time; who comes later waits, in turn. */
export class Slots {
  readonly #limit: () => number
  readonly #waiting = new Set<() => void>()
  #used = 0

  /** @param limit asked each time, since it can be configured anew */
  constructor(limit: () => number) {
    this.#limit = limit
  }

  /** Whether nobody has a place or waits for one. */
  get isIdle(): boolean {
    return this.#used === 0 && this.#waiting.size === 0
  }

  /** Resolves with what gives the place back, which may be called more than once. Rejects with the signal's reason. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#used >= this.#limit() || this.#waiting.size > 0) await this.#wait(signal)
    else this.#used += 1
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#used -= 1
      this.#admit()
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const give = () => {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    const abort = () => {
      this.#waiting.delete(give)
      reject(signal.reason as Error)
    }
    this.#waiting.add(give)
    signal.addEventListener('abort', abort, { once: true })
    await promise
  }

  #admit(): void {
    for (const give of this.#waiting) {
      if (this.#used >= this.#limit()) return
      this.#waiting.delete(give)
      // Taken for it here, so that nobody comes in between.
      this.#used += 1
      give()
    }
  }
}
