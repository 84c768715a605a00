import { formatInstant } from './instant.ts'

/** What a repomd.xml says of its age. */
export interface RepositoryAge {
  /** `<revision>` as written: createrepo_c's is the second in which it ran, others count, name a version, or have none. */
  readonly revision?: string | undefined
  /** The newest `<timestamp>` of a record, in seconds since the epoch. */
  readonly newestTimestamp?: number | undefined
}

/** How far a clock of upstream's may be ahead, in seconds. */
const CLOCK_TOLERANCE_S = 86_400
/** Numbers from here on are taken for seconds since the epoch (2001): no repository was published so often. */
const FIRST_SECOND = 1_000_000_000
/** What is larger is another notation, such as 20260101120000. */
const LAST_SECOND = 100_000_000_000

/**
 * Whether a repository went backwards, and how that shows. It did when its revision or its newest timestamp is below the last one's and
 * the other of them does not say the contrary: one that was built anew may count from 1 again, and one whose times are fixed still
 * counts. What is no number says nothing, and neither does a last one from the future, which would keep everything out that follows.
 *
 * @param nowMs milliseconds since the epoch
 * @returns the facts, for a message; undefined when it did not
 */
export function describeStepBack(
  found: RepositoryAge,
  last: RepositoryAge,
  nowMs: number,
): string | undefined {
  const revision = compare(parseRevision(found.revision), parseRevision(last.revision), nowMs)
  const timestamp = compare(found.newestTimestamp, last.newestTimestamp, nowMs)
  if (revision + timestamp >= 0) return undefined
  const facts = [
    ...(revision < 0 ? [`revision ${found.revision}, the last snapshot has ${last.revision}`] : []),
    ...(timestamp < 0
      ? [
          `files up to ${toTime(found.newestTimestamp)}, the last snapshot has some of ${toTime(last.newestTimestamp)}`,
        ]
      : []),
  ]
  return facts.join('; ')
}

function parseRevision(revision: string | undefined): number | undefined {
  return revision !== undefined && /^[0-9]{1,15}$/.test(revision) ? Number(revision) : undefined
}

/** -1 older, 1 newer, 0 the same or not to be told. */
function compare(found: number | undefined, last: number | undefined, nowMs: number): -1 | 0 | 1 {
  if (found === undefined || last === undefined || found === last) return 0
  if (found > last) return 1
  const isSecond = last >= FIRST_SECOND && last < LAST_SECOND
  return isSecond && last > nowMs / 1000 + CLOCK_TOLERANCE_S ? 0 : -1
}

function toTime(seconds: number | undefined): string {
  return formatInstant((seconds ?? 0) * 1000)
}
