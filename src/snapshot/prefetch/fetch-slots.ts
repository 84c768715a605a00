import { Signal } from '../../system/signal.ts'

/** Places for transfers that nobody waits for, over all mirrors. */
export class FetchSlots {
  readonly #limit: () => number
  readonly #changed = new Signal()
  #taken = 0

  /** @param limit asked each time; at least 1 */
  constructor(limit: () => number) {
    this.#limit = limit
  }

  /** Transfers that have a place. */
  get taken(): number {
    return this.#taken
  }

  /** Waits for a place; call what it gives when done. */
  async take(): Promise<() => void> {
    // As long as one is taken, somebody will give it back and make the others look again.
    while (this.#taken > 0 && this.#taken >= this.#limit()) await this.#changed.wait()
    this.#taken += 1
    return () => {
      this.#taken -= 1
      this.#changed.notify()
    }
  }
}
