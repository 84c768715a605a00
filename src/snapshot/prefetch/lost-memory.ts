import { LRUCache } from 'lru-cache'

import { lostRetryMs } from '../../model/prefetch.ts'
import type { LostFacts } from '../departed/departed.ts'

/** Lost packages that are remembered: some 5 MB. Of others the store knows. */
const MAX_REMEMBERED = 10_000

interface LostEntry extends LostFacts {
  /** What a client is told. */
  readonly message: string
}

/** Packages that all sources were asked for in vain, so that not every request of one asks them all again. */
export class LostMemory {
  readonly #entries = new LRUCache<string, LostEntry>({ max: MAX_REMEMBERED })

  /** What to answer without asking anybody; undefined when it is time to ask again, or nothing is known. */
  refusal(key: string, nowMs: number): string | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && isTooEarly(entry, nowMs) ? entry.message : undefined
  }

  /** How often all sources were asked. */
  timesOf(key: string): number {
    return this.#entries.get(key)?.times ?? 0
  }

  remember(key: string, facts: LostFacts, message: string): void {
    this.#entries.set(key, { ...facts, message })
  }

  /** Forgets everything: there may be other sources now. */
  clear(): void {
    this.#entries.clear()
  }
}

/** Whether all sources were asked so lately that they are not asked again. */
export function isTooEarly({ askedAt, times }: Pick<LostFacts, 'askedAt' | 'times'>, nowMs: number): boolean {
  // A time in the future is of a clock that was set back.
  return askedAt <= nowMs && nowMs < askedAt + lostRetryMs(times)
}
