/** Wakes everybody who waits for the next change of something; a condition variable for one event loop. */
export class Signal {
  #waiters: (() => void)[] = []

  /** Resolves at the next {@link notify}. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** Wakes all who wait now. */
  notify(): void {
    const waiters = this.#waiters
    if (waiters.length === 0) return
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}
