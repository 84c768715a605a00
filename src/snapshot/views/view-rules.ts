/** How long a view is kept that nobody said anything about, in milliseconds. */
export const DEFAULT_TTL_MS = 86_400_000
/** The longest that a view is kept without being opened, in milliseconds. */
export const MAX_TTL_MS = 14 * 86_400_000

/** Openings within this time of each other need one write; less for short ttls, by this fraction of them. */
const SLACK_MS = 1_000
const SLACK_FRACTION = 0.01

/** What is stored of a view's time, in milliseconds; `expiresAt` is of the farm's clock. */
export interface Lease {
  readonly ttlMs: number
  readonly expiresAt: number
}

/**
 * A renewal of a lease of which this fraction is over must survive a power cut, as a first opening must; of one that is younger so much can
 * be lost, and the jobs that all read their index at their start cost no fsync each.
 */
const AGED_FRACTION = 0.25

/** What an opening has to do. */
export type Decision =
  | {
      /** `renew`: the view stays, and its time is to be written. */
      readonly kind: 'freeze' | 'renew'
      readonly lease: Lease
      /** Whether it must survive a power cut. */
      readonly durable: boolean
    }
  /** The view stays, and what is written of its time is enough. */
  | { readonly kind: 'keep' }

/**
 * What opening a view does, by what is stored of it. A view ends exactly when its first ttl does; a renewal is written a little longer than
 * it was asked for, so that the openings of the next second need no write. A shorter ttl holds from then on, but takes back nothing
 * that another opening was promised.
 */
export function decideOpening(
  lease: Lease | undefined,
  wantedTtlMs: number | undefined,
  nowMs: number,
): Decision {
  if (lease === undefined || lease.expiresAt <= nowMs) {
    const ttlMs = boundTtl(wantedTtlMs ?? DEFAULT_TTL_MS)
    return { kind: 'freeze', lease: { ttlMs, expiresAt: nowMs + ttlMs }, durable: true }
  }
  const ttlMs = boundTtl(wantedTtlMs ?? lease.ttlMs)
  if (ttlMs === lease.ttlMs && lease.expiresAt >= nowMs + ttlMs) return { kind: 'keep' }
  const expiresAt = Math.max(lease.expiresAt, nowMs + ttlMs + slackOf(ttlMs))
  const durable = lease.expiresAt < nowMs + ttlMs * (1 - AGED_FRACTION)
  return { kind: 'renew', lease: { ttlMs, expiresAt }, durable }
}

function boundTtl(ttlMs: number): number {
  return Math.min(ttlMs, MAX_TTL_MS)
}

function slackOf(ttlMs: number): number {
  return Math.min(SLACK_MS, Math.floor(ttlMs * SLACK_FRACTION))
}
