/** How much a new measurement counts beside those before it. */
const WEIGHT = 0.3
/** A body shorter than this says nothing of how fast a source is, in bytes. */
const MIN_BODY_BYTES = 64 << 10
/** The file by which sources are compared, in bytes. */
const TYPICAL_BYTES = 1 << 20
/** Of a source whose throughput was never measured, in bytes a second. */
const USUAL_BYTES_PER_SECOND = 1 << 20
/** After so long a failure counts half, in milliseconds. */
const HALF_LIFE_MS = 600_000
/** How much longer a file seems to take at a source that always fails. */
const FAILURE_COST = 20

/** What was measured of a source. */
export interface Pace {
  /** Until an answer began, in milliseconds. */
  readonly latencyMs: number | undefined
  readonly bytesPerSecond: number | undefined
  /** The part of requests that failed, from 0 to 1, of which the last ones count most. */
  readonly failureShare: number
}

/** How fast and how reliable a source is, from how it has answered. */
export class SourcePace {
  readonly #now: () => number
  #latencyMs: number | undefined
  #bytesPerSecond: number | undefined
  #failureShare = 0
  #failedAt = 0
  #askedAt = -Infinity

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number) {
    this.#now = now
  }

  /** When it was asked last; -Infinity for never. */
  get askedAt(): number {
    return this.#askedAt
  }

  get state(): Pace {
    return {
      latencyMs: this.#latencyMs,
      bytesPerSecond: this.#bytesPerSecond,
      failureShare: this.#presentFailureShare(),
    }
  }

  /** How long a file may take there, in milliseconds, trouble included; undefined when it was never asked. */
  get costMs(): number | undefined {
    if (this.#latencyMs === undefined && this.#failureShare === 0) return undefined
    const transferMs = (TYPICAL_BYTES / (this.#bytesPerSecond ?? USUAL_BYTES_PER_SECOND)) * 1000
    return ((this.#latencyMs ?? 0) + transferMs) * (1 + FAILURE_COST * this.#presentFailureShare())
  }

  asked(): void {
    this.#askedAt = this.#now()
  }

  /** An answer began so long after it was asked for. */
  answered(afterMs: number): void {
    this.#latencyMs = blend(this.#latencyMs, afterMs)
  }

  /** A body came whole. @param waitedMs how long the source was waited for in all */
  delivered(bytes: number, waitedMs: number): void {
    this.#failureShare = this.#presentFailureShare() * (1 - WEIGHT)
    this.#failedAt = this.#now()
    if (bytes < MIN_BODY_BYTES) return
    this.#bytesPerSecond = blend(this.#bytesPerSecond, (bytes * 1000) / Math.max(waitedMs, 1))
  }

  /** It did not answer, broke off, or gave other bytes than are listed. */
  failed(): void {
    this.#failureShare = blend(this.#presentFailureShare(), 1)
    this.#failedAt = this.#now()
  }

  #presentFailureShare(): number {
    const share = this.#failureShare * 0.5 ** ((this.#now() - this.#failedAt) / HALF_LIFE_MS)
    return share < 0.001 ? 0 : share
  }
}

function blend(before: number | undefined, found: number): number {
  return before === undefined ? found : before + WEIGHT * (found - before)
}
