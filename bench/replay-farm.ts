import { Random } from '../test/support/random.ts'
import { drawByZipf, versionAt, type Repository } from './replay-repository.ts'

/** A job's run: it installs packages from one snapshot. */
export interface Run {
  /** Milliseconds from the beginning. */
  readonly at: number
  /** When its snapshot was made: it installs the versions of that moment. */
  readonly snapshotAt: number
  /** Package names, as numbers. */
  readonly names: readonly number[]
}

/** What the jobs of a farm do. */
export interface Farm {
  /** In the order of time. */
  readonly runs: readonly Run[]
}

const DAY_MS = 86_400_000
const JOBS = 30
/** How often a job runs: a few all day, most of them now and then. */
const MOST_RUNS_PER_DAY = 4
const FEWEST_RUNS_PER_DAY = 1 / 14
/** Names that every job installs (what a build root is made of), and those of its own. */
const COMMON = 80
const OWN = 60
/** A job changes so many of its own names a week; most changes come with a commit, which is a run. */
const DRIFT_PER_WEEK = 1
/** Runs on another snapshot than the current one: held by a view, pinned, or chosen by bisecting. */
const ON_OLDER = 0.25
/** Now and then the mirror is rolled back, and stays so for up to two weeks. */
const PINS_PER_YEAR = 8
const OLDEST_MS = 14 * DAY_MS
/** How often the mirror looks upstream. */
export const SYNC_MS = 8 * 3_600_000

/** Makes up jobs whose own packages follow Zipf's law over all names and change slowly. */
export function createFarm(
  repository: Repository,
  { days, seed }: { readonly days: number; readonly seed: number },
): Farm {
  const random = new Random(seed)
  const share = () => random.below(1_000_000) / 1_000_000
  const draw = (at: number): number => {
    for (;;) {
      const name = drawByZipf(repository.ranked, share)
      if (versionAt(repository, name, at) !== undefined) return name
    }
  }
  const common = new Set<number>()
  while (common.size < COMMON) common.add(draw(0))
  const pins = Array.from({ length: Math.round((days / 365) * PINS_PER_YEAR) }, () => {
    const from = share() * days * DAY_MS
    return { from, until: from + share() * OLDEST_MS }
  })
  const runs: Run[] = []
  for (let job = 0; job < JOBS; job += 1) {
    const runsPerDay = MOST_RUNS_PER_DAY * (FEWEST_RUNS_PER_DAY / MOST_RUNS_PER_DAY) ** (job / (JOBS - 1))
    const drawn = new Set<number>()
    while (drawn.size < OWN) drawn.add(draw(0))
    const own = [...drawn]
    for (let day = waitFor(runsPerDay); day < days; day += waitFor(runsPerDay)) {
      const at = Math.round(day * DAY_MS)
      if (share() < DRIFT_PER_WEEK / Math.max(7 * runsPerDay, 1)) own[random.below(own.length)] = draw(at)
      const currentAt = pins.find(({ from, until }) => from <= at && at < until)?.from ?? at
      const wantedAt = share() < ON_OLDER ? Math.min(currentAt, at - share() * OLDEST_MS) : currentAt
      const snapshotAt = Math.max(0, Math.floor(wantedAt / SYNC_MS) * SYNC_MS)
      runs.push({ at, snapshotAt, names: [...new Set([...common, ...own])] })
    }
  }
  return { runs: runs.toSorted((a, b) => a.at - b.at) }

  /** Days until the next run, when they come at random. */
  function waitFor(runsPerDay: number): number {
    return -Math.log(1 - share()) / runsPerDay
  }
}
