import { Signal } from './signal.ts'

/** How many there are. */
export interface FairPlacesOptions {
  /** Places at a time, and of one owner in any case; asked each time, at least 1. */
  readonly limit: () => number
  /** What has been held for so long does not keep others waiting, in milliseconds. */
  readonly patienceMs: number
  /** At most so many in all, that included; asked each time. */
  readonly most: () => number
}

/**
 * Places for work that waits for somebody else, such as a transfer. Whoever holds one for long keeps it, but no longer counts: what waits
 * for a slow server keeps nobody but its own owner from a turn.
 */
export class FairPlaces {
  readonly #options: FairPlacesOptions
  readonly #changed = new Signal()
  readonly #owned = new Map<string, number>()
  #taken = 0
  /** Of those taken. */
  #slow = 0

  constructor(options: FairPlacesOptions) {
    this.#options = options
  }

  /** Places that are held. */
  get taken(): number {
    return this.#taken
  }

  /** Waits for a place; call what it gives, once, when done. */
  async take(owner: string): Promise<() => void> {
    // As long as one is taken, somebody will give it back, or hold it for long, and make the others look again.
    while (this.#taken > 0 && this.#isFullFor(owner)) await this.#changed.wait()
    this.#taken += 1
    this.#owned.set(owner, this.#ownedBy(owner) + 1)
    let isSlow = false
    const timer = setTimeout(() => {
      isSlow = true
      this.#slow += 1
      this.#changed.notify()
    }, this.#options.patienceMs).unref()
    return () => {
      clearTimeout(timer)
      if (isSlow) this.#slow -= 1
      this.#leave(owner)
    }
  }

  #isFullFor(owner: string): boolean {
    const { limit, most } = this.#options
    const places = limit()
    return this.#taken - this.#slow >= places || this.#ownedBy(owner) >= places || this.#taken >= most()
  }

  #ownedBy(owner: string): number {
    return this.#owned.get(owner) ?? 0
  }

  #leave(owner: string): void {
    this.#taken -= 1
    const left = this.#ownedBy(owner) - 1
    if (left === 0) this.#owned.delete(owner)
    else this.#owned.set(owner, left)
    this.#changed.notify()
  }
}
