/**
 * What of a snapshot is fetched before anybody asks for it. `on_demand`: nothing; `warm`: what the farm uses, by package name; `immediate`:
 * everything.
 */
export const POLICIES = ['on_demand', 'warm', 'immediate'] as const
export type Policy = (typeof POLICIES)[number]

/** A mirror's rule. */
export interface PrefetchRule {
  readonly policy: Policy
  /** A package name counts as used for so long after it was asked for last, in milliseconds. */
  readonly warmWindowMs: number
}

/**
 * Whether a package that is new in a mirror's newest snapshot is fetched right away. By name: so the next version of what jobs use is on
 * disk before upstream can forget it.
 * @param askedAt when any package of this name was asked for last, in milliseconds since the epoch; undefined for never
 */
export function isFetchedAtBirth(
  { policy, warmWindowMs }: PrefetchRule,
  askedAt: number | undefined,
  nowMs: number,
): boolean {
  if (policy === 'immediate') return true
  return policy === 'warm' && askedAt !== undefined && nowMs - askedAt <= warmWindowMs
}

const FIRST_RETRY_MS = 60_000
const LONGEST_RETRY_MS = 3_600_000

/** How long after all sources said for the n-th time (from 1) that they have not got a file they are asked again, in milliseconds. */
export function lostRetryMs(times: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(times - 1, 20), LONGEST_RETRY_MS)
}
