import type { Outcome } from '../model/outcome.ts'
import type { Snapshot } from '../snapshot/store.ts'
import type { EndedRequest } from './ended-request.ts'

/** Requests answered from the cache of which each gets its line, in a second: of more the sums are told. A line costs some two microseconds. */
const LINES_A_SECOND = 500
/** Sums are told so long after the first request that is in them, in milliseconds. */
const TELL_MS = 1_000
/** Snapshots whose sums are told apart; what is about further ones is added up. */
const MAX_SUMS = 100

/** Requests that had no line of their own. */
export interface HitSum {
  readonly outcome: Outcome
  /** Undefined for what is about no snapshot, or about too many different ones. */
  readonly snapshot: Snapshot | undefined
  count: number
  bytes: number
  /** Of all of them together. */
  ms: number
}

/** What can be left out: answers from the cache, with which nothing is wrong. */
const SAMPLED: ReadonlySet<Outcome | undefined> = new Set<Outcome>(['hit', 'not_modified'])

/** Decides which requests get a line of the log while very many are answered from the cache, and adds up the others. */
export class HitSampler {
  readonly #tell: (sums: readonly HitSum[]) => void
  #second = Number.NaN
  #taken = 0
  #sums = new Map<Outcome, Map<Snapshot | undefined, HitSum>>()
  #timer: NodeJS.Timeout | undefined

  /** @param tell told of what was left out, now and then */
  constructor(tell: (sums: readonly HitSum[]) => void) {
    this.#tell = tell
  }

  /** Whether one more gets its line. @param nowMs by `performance.now()` */
  takes(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#taken = 0
    }
    this.#taken += 1
    return this.#taken <= LINES_A_SECOND
  }

  /** Whether a request that has ended gets its line. */
  takesEnded({ outcome, error, endedAt }: EndedRequest): boolean {
    return error !== undefined || !SAMPLED.has(outcome) || this.takes(endedAt)
  }

  /** Adds up a request that gets none, or several. */
  leaveOut({ outcome = 'hit', snapshot, count, bytes, startedAt, endedAt }: EndedRequest): void {
    const sum = this.#sumOf(outcome, snapshot)
    sum.count += count
    sum.bytes += bytes
    sum.ms += (endedAt - startedAt) * count
    this.#timer ??= setTimeout(() => this.flush(), TELL_MS).unref()
  }

  /** Tells what was left out so far. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const sums = [...this.#sums.values()].flatMap((bySnapshot) => [...bySnapshot.values()])
    this.#sums = new Map()
    if (sums.length > 0) this.#tell(sums)
  }

  #sumOf(outcome: Outcome, snapshot: Snapshot | undefined): HitSum {
    let bySnapshot = this.#sums.get(outcome)
    if (bySnapshot === undefined) this.#sums.set(outcome, (bySnapshot = new Map()))
    const known = bySnapshot.get(snapshot)
    if (known !== undefined) return known
    const key = bySnapshot.size < MAX_SUMS ? snapshot : undefined
    const sum = bySnapshot.get(key) ?? { outcome, snapshot: key, count: 0, bytes: 0, ms: 0 }
    bySnapshot.set(key, sum)
    return sum
  }
}
