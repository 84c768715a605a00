/**
 * What of a snapshot is fetched before anybody asks for it. `on_demand`: nothing; `warm`: what the farm uses, by package name; `immediate`:
 * everything.
 */
export const POLICIES = ['on_demand', 'warm', 'immediate'] as const
export type Policy = (typeof POLICIES)[number]

/** A mirror's rule. */
export interface PrefetchRule {
  readonly policy: Policy
  /** A package name counts as used for at least so long after it was asked for last, in milliseconds. */
  readonly warmWindowMs: number
}

/** How exactly it is known when a name was asked for last: it may have been so much later, in milliseconds. */
export const ASKED_PRECISION_MS = 3_600_000

/** Since when a name has to be known to have been asked for to count as used: what is known may be too early, and must not be too late. */
export function usedSince({ warmWindowMs }: Pick<PrefetchRule, 'warmWindowMs'>, nowMs: number): number {
  return nowMs - warmWindowMs - ASKED_PRECISION_MS
}

/**
 * Whether a package that is new in a mirror's newest snapshot is fetched right away. By name: so the next version of what jobs use is on
 * disk before upstream can forget it.
 * @param askedAt when any package of this name was asked for last, as far as that is known, in milliseconds since the epoch; undefined for never
 */
export function isFetchedAtBirth(rule: PrefetchRule, askedAt: number | undefined, nowMs: number): boolean {
  if (rule.policy === 'immediate') return true
  return rule.policy === 'warm' && askedAt !== undefined && askedAt >= usedSince(rule, nowMs)
}

const FIRST_RETRY_MS = 60_000
const LONGEST_RETRY_MS = 3_600_000

/** How long after all sources said for the n-th time (from 1) that they have not got a file they are asked again, in milliseconds. */
export function lostRetryMs(times: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(times - 1, 20), LONGEST_RETRY_MS)
}
