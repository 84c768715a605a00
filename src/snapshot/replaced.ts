import { digestAlgorithm } from '../model/digest.ts'
import { compareNevra, compareText, formatNevra, type Nevra } from '../model/nevra.ts'
import type { Defect } from './store.ts'
import type { StoredPackage } from './stored-package.ts'

/** As many replaced packages as are worth naming. */
const MAX_NAMED = 20
const MAX_HREF_LENGTH = 200

/** A package whose name and version stayed while its bytes became others. */
export interface ReplacedPackage {
  readonly from: StoredPackage
  readonly to: StoredPackage
}

/** Equal for packages of one name, version and architecture. */
export function nevraKey({ name, epoch, version, release, arch }: Nevra): string {
  return [name, epoch || '0', version, release, arch].join('\0')
}

/** What of these calls itself the same, by {@link nevraKey}. */
export function groupByNevra(packages: Iterable<StoredPackage>): Map<string, StoredPackage[]> {
  const groups = new Map<string, StoredPackage[]>()
  for (const one of packages) {
    const key = nevraKey(one)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return groups
}

/**
 * What was replaced in place between two lists of packages that have one name, version and architecture. Real repositories list several
 * files of one: as long as the same bytes are among them, wherever, none was. Nothing is told where one list is empty.
 */
export function findReplaced(
  before: readonly StoredPackage[],
  after: readonly StoredPackage[],
): ReplacedPackage[] {
  if (before.length === 0 || after.length === 0) return []
  const content = contentOf([...before, ...after])
  const contentsBefore = new Set(before.map(content))
  const contentsAfter = new Set(after.map(content))
  const gone = before.filter((one) => !contentsAfter.has(content(one))).toSorted(compareFiles)
  const come = after.filter((one) => !contentsBefore.has(content(one))).toSorted(compareFiles)
  // Other bytes may come beside the old ones, or go: which of them a client gets has changed all the same.
  const lastGone = gone.at(-1) ?? before.toSorted(compareFiles)[0]
  const lastCome = come.at(-1) ?? after.toSorted(compareFiles)[0]
  if (lastGone === undefined || lastCome === undefined) return []
  return Array.from({ length: Math.max(gone.length, come.length) }, (_, index) => ({
    from: gone[index] ?? lastGone,
    to: come[index] ?? lastCome,
  }))
}

/** The order of {@link ReplacedPackage}s: by what they call themselves, then by href. */
export function compareReplaced(a: ReplacedPackage, b: ReplacedPackage): number {
  return compareNevra(a.to, b.to) || compareFiles(a.to, b.to) || compareFiles(a.from, b.from)
}

/**
 * Replaced packages as defects of a snapshot: the first few, and then how many there are.
 * @param primaryPath what the last is said of
 */
export function describeReplaced(replaced: readonly ReplacedPackage[], primaryPath: string): Defect[] {
  const named = replaced.slice(0, MAX_NAMED).map(({ from, to }): Defect => {
    const where = from.href === to.href ? '' : `, which was ${from.href.slice(0, MAX_HREF_LENGTH)}`
    const message = `${formatNevra(to)} was replaced in place: ${describeBytes(from)} became ${describeBytes(to)}${where}`
    return { path: to.href, kind: 'replaced', message }
  })
  if (replaced.length <= MAX_NAMED) return named
  const message = `${replaced.length} packages were replaced in place, of which ${MAX_NAMED} are named`
  return [...named, { path: primaryPath, kind: 'replaced', message }]
}

function describeBytes({ digest, size }: StoredPackage): string {
  return size === undefined ? digest : `${digest} (${size} bytes)`
}

/** What tells bytes apart: their digests, or, where upstream has gone over to another algorithm, no more than their sizes. */
function contentOf(packages: readonly StoredPackage[]): (one: StoredPackage) => string {
  const algorithms = new Set(packages.map(({ digest }) => digestAlgorithm(digest)))
  return algorithms.size === 1 ? ({ digest }) => digest : ({ size }) => String(size)
}

function compareFiles(a: StoredPackage, b: StoredPackage): number {
  return compareText(a.href, b.href) || compareText(a.digest, b.digest)
}
