import { LRUCache } from 'lru-cache'

import type { LostFacts } from '../departed/departed.ts'

/** Losses that are remembered: some 5 MB, were the store to note none of so many. */
const MAX_REMEMBERED = 10_000

/**
 * Losses that the store has not noted, or not yet, by the number of the package: else every request would ask all sources again. What the store
 * has noted, it forgets in the publication that lists the package again, whichever process makes it; so nothing of that is kept here.
 */
export class LostMemory {
  readonly #entries = new LRUCache<number, LostFacts>({ max: MAX_REMEMBERED })

  /** When all sources were asked, so far as the store does not know. */
  find(packageId: number): LostFacts | undefined {
    return this.#entries.get(packageId)
  }

  remember(packageId: number, facts: LostFacts): void {
    this.#entries.set(packageId, facts)
  }

  forget(packageId: number): void {
    this.#entries.delete(packageId)
  }

  /** Forgets everything: there may be other sources now. */
  clear(): void {
    this.#entries.clear()
  }
}
