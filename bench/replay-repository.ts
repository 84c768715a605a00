import { Random } from '../test/support/random.ts'

/** A version of a package, from the moment upstream pushes it until it forgets it. Times are milliseconds from the beginning. */
export interface Version {
  /** The package's name, as a number. */
  readonly name: number
  readonly number: number
  readonly size: number
  /** When upstream's metadata list it. */
  readonly listedFrom: number
  listedUntil: number
  /** When its file goes: with the metadata, or some time later. */
  goneAt: number
}

/** The history of an upstream repository. */
export interface Repository {
  readonly names: number
  readonly pushes: number
  readonly versions: readonly Version[]
  /** Versions of each name, oldest first. */
  readonly byName: readonly (readonly Version[])[]
  /** Names, those first that most jobs use. */
  readonly ranked: readonly number[]
}

const DAY_MS = 86_400_000
/** As a release of EPEL or CentOS has for one architecture, give or take. */
const FIRST_NAMES = 12_000
const PUSHES_PER_DAY = 2
/** Versions in a push; some names are updated far more often than others. */
const UPDATES_PER_PUSH = 60
/** Kernels, compilers, interpreters: what many jobs use is also what is updated most often. */
const OF_WHAT_IS_USED = 0.3
const NEW_NAMES_PER_DAY = 6
const REMOVED_NAMES_PER_DAY = 2
/** Most upstreams drop the old version in the push that brings the new one. */
const AT_ONCE = 0.7
/** The others let its file lie for up to so long. */
const LONGEST_DELAY_MS = 10 * DAY_MS

/** Makes up a repository: names come, are updated (some of them every week, most twice a year), and go. */
export function createRepository({
  days,
  seed,
}: {
  readonly days: number
  readonly seed: number
}): Repository {
  const random = new Random(seed)
  const share = () => random.below(1_000_000) / 1_000_000
  const byName: Version[][] = []
  const alive: number[] = []
  const all = FIRST_NAMES + Math.ceil(NEW_NAMES_PER_DAY / PUSHES_PER_DAY) * PUSHES_PER_DAY * days
  const ranked = random.shuffle(Array.from({ length: all }, (_, name) => name))
  // The third power: a tenth of the names has nearly half of the updates. What many use is updated as much again.
  const drawUpdated = () =>
    share() < OF_WHAT_IS_USED
      ? drawByZipf(ranked, share)
      : (alive[Math.floor(alive.length * share() ** 3)] ?? 0)
  const addName = (at: number) => {
    const name = byName.length
    // Half of them below 100 KB, some of 100 MB and more.
    const size = Math.round(20_000 * Math.exp(1.6 + 1.9 * gaussian(share)))
    byName.push([{ name, number: 1, size, listedFrom: at, listedUntil: Infinity, goneAt: Infinity }])
    alive.push(name)
  }
  const end = (version: Version | undefined, at: number) => {
    if (version === undefined) return
    version.listedUntil = at
    version.goneAt = at + (share() < AT_ONCE ? 0 : share() * LONGEST_DELAY_MS)
  }
  for (let count = 0; count < FIRST_NAMES; count += 1) addName(0)
  let pushes = 1
  for (let day = 0; day < days; day += 1)
    for (let push = 0; push < PUSHES_PER_DAY; push += 1) {
      const at = Math.round((day + (push + share()) / PUSHES_PER_DAY) * DAY_MS)
      pushes += 1
      for (let count = 0; count < NEW_NAMES_PER_DAY / PUSHES_PER_DAY; count += 1) addName(at)
      for (let count = 0; count < REMOVED_NAMES_PER_DAY / PUSHES_PER_DAY; count += 1) {
        const [name = 0] = alive.splice(random.below(alive.length), 1)
        end(byName[name]?.at(-1), at)
      }
      const updated = new Set<number>()
      while (updated.size < UPDATES_PER_PUSH) updated.add(drawUpdated())
      for (const name of updated) {
        const before = byName[name]?.at(-1)
        if (before === undefined || before.listedFrom === at || before.listedUntil <= at) continue
        end(before, at)
        const size = Math.round(before.size * (0.95 + 0.1 * share()))
        byName[name]?.push({
          name,
          number: before.number + 1,
          size,
          listedFrom: at,
          listedUntil: Infinity,
          goneAt: Infinity,
        })
      }
    }
  return { names: byName.length, pushes, versions: byName.flat(), byName, ranked }
}

/** A normally distributed number. */
function gaussian(share: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - share())) * Math.cos(2 * Math.PI * share())
}

/** What a name's version was in upstream's metadata at a moment; undefined when there was none. */
export function versionAt({ byName }: Repository, name: number, at: number): Version | undefined {
  return byName[name]?.findLast(({ listedFrom, listedUntil }) => listedFrom <= at && at < listedUntil)
}

/** One of these, the first most often, by Zipf's law: the inverse of its distribution function is near to an exponential one. */
export function drawByZipf<T>(ranked: readonly T[], share: () => number): T {
  return ranked[Math.floor(ranked.length ** share()) - 1] as T
}
