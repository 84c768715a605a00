/** How long snapshots are kept. */
export interface RetentionRules {
  /** The newest so many of a mirror, unless they are older than {@link maxAgeMs}. */
  readonly keep: number
  readonly maxAgeMs: number
  readonly keepUsedMs: number
  readonly graceGenerations: number
  /** How long a mirror that went out of the configuration answers direct URLs. */
  readonly removedMs: number
}

/** What retention looks at of a snapshot. Times are milliseconds since the epoch. */
export interface SnapshotFacts {
  /** When it came here. */
  readonly createdAt: number
  readonly isCurrent: boolean
  /** Whether its mirror is out of the index, and it was current in it last: what direct URLs go on with. */
  readonly wasCurrent: boolean
  readonly isPinned: boolean
  /** Live views that hold it. */
  readonly views: number
  /** Whether one of the last generations within grace names it. */
  readonly isInGrace: boolean
  /** When a client last used it; undefined for never. */
  readonly usedAt: number | undefined
}

/** What is decided of a snapshot, and each reason for it in words. */
export interface RetentionVerdict {
  readonly goes: boolean
  readonly reasons: readonly string[]
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/**
 * Which of a mirror's snapshots go.
 * @param snapshots newest first; the verdicts are in the same order
 * @param removedAt when the mirror went out of the configuration; undefined while it is in it
 */
export function judgeSnapshots(
  snapshots: readonly SnapshotFacts[],
  rules: RetentionRules,
  { removedAt, nowMs }: { readonly removedAt: number | undefined; readonly nowMs: number },
): RetentionVerdict[] {
  const isGone = removedAt !== undefined && nowMs - removedAt > rules.removedMs
  return snapshots.map((facts, rank) => {
    const holding = heldBy(facts, rules, nowMs)
    // Of a mirror that is still wanted the newest stays: it is what upstream has, and what the next look is compared with.
    if (rank === 0 && !isGone) holding.push('the newest')
    if (facts.wasCurrent && !isGone) holding.push('current until its mirror left the index')
    const tooOld = nowMs - facts.createdAt > rules.maxAgeMs
    const isBeyond = rank >= rules.keep
    if (holding.length > 0) return { goes: false, reasons: holding }
    if (isGone)
      return { goes: true, reasons: [`its mirror was removed more than ${formatSpan(rules.removedMs)} ago`] }
    if (tooOld) return { goes: true, reasons: [`older than ${formatSpan(rules.maxAgeMs)}`] }
    if (isBeyond) return { goes: true, reasons: [`not among the newest ${rules.keep}`] }
    return { goes: false, reasons: [`younger than ${formatSpan(rules.maxAgeMs)}`] }
  })
}

function heldBy(facts: SnapshotFacts, rules: RetentionRules, nowMs: number): string[] {
  const { isCurrent, isPinned, views, isInGrace, usedAt } = facts
  const reasons: string[] = []
  if (isCurrent) reasons.push('current')
  if (isPinned) reasons.push('pinned')
  if (views > 0) reasons.push(views === 1 ? 'in a live view' : `in ${views} live views`)
  if (isInGrace && !isCurrent) reasons.push(`named by one of the last ${rules.graceGenerations} generations`)
  if (usedAt !== undefined && nowMs - usedAt <= rules.keepUsedMs)
    reasons.push(`used within ${formatSpan(rules.keepUsedMs)}`)
  return reasons
}

/** A span in words, in its largest unit that fits. */
function formatSpan(spanMs: number): string {
  if (spanMs % DAY_MS === 0 && spanMs > 0) return `${spanMs / DAY_MS} d`
  if (spanMs % HOUR_MS === 0 && spanMs > 0) return `${spanMs / HOUR_MS} h`
  return `${spanMs / 1000} s`
}
