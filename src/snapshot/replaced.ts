import { digestAlgorithm, type Digest } from '../model/digest.ts'
import { compareText, formatNevra } from '../model/nevra.ts'
import type { Defect } from './store.ts'
import type { StoredPackage } from './diff/stored-package.ts'

/** The bytes that a package has somewhere. */
export interface PackageBytes {
  readonly href: string
  readonly digest: Digest
  /** Undefined when primary does not say. */
  readonly size: number | undefined
}

/** What a package was, and what it became, while its name and version stayed. */
export interface Replaced<T extends PackageBytes> {
  readonly from: T
  readonly to: T
}

const MAX_HREF_LENGTH = 200

/**
 * What was replaced in place between two lists of packages that have one name, version and architecture. Real repositories list several
 * files of one: as long as the same bytes are among them, wherever, none was. Nothing is told where one list is empty.
 */
export function findReplaced<T extends PackageBytes>(
  before: readonly T[],
  after: readonly T[],
): Replaced<T>[] {
  const [oneBefore, oneAfter] = [before[0], after[0]]
  if (oneBefore === undefined || oneAfter === undefined) return []
  const isSame = before.length === 1 && after.length === 1 && oneBefore.digest === oneAfter.digest
  return isSame ? [] : compareSets(before, after)
}

/**
 * Replaced packages as defects of a snapshot: those that are named, and when there are more, how many.
 * @param path what the last is said of
 */
export function describeReplaced(
  named: readonly Replaced<StoredPackage>[],
  count: number,
  path: string,
): Defect[] {
  const defects = named.map(({ from, to }): Defect => {
    const where = from.href === to.href ? '' : `, which was ${from.href.slice(0, MAX_HREF_LENGTH)}`
    const message = `${formatNevra(to)} was replaced in place: ${describeBytes(from)} became ${describeBytes(to)}${where}`
    return { path: to.href, kind: 'replaced', message }
  })
  if (count <= named.length) return defects
  const message = `${count === 1 ? '1 package was' : `${count} packages were`} replaced in place, of which ${named.length === 1 ? '1 is' : `${named.length} are`} named`
  return [...defects, { path, kind: 'replaced', message }]
}

function describeBytes({ digest, size }: PackageBytes): string {
  return size === undefined ? digest : `${digest} (${size} bytes)`
}

function compareSets<T extends PackageBytes>(before: readonly T[], after: readonly T[]): Replaced<T>[] {
  const content = contentOf([...before, ...after])
  const contentsBefore = new Set(before.map(content))
  const contentsAfter = new Set(after.map(content))
  const gone = before.filter((one) => !contentsAfter.has(content(one))).toSorted(compareBytes)
  const come = after.filter((one) => !contentsBefore.has(content(one))).toSorted(compareBytes)
  // Other bytes may come beside the old ones, or go: which of them a client gets has changed all the same.
  const lastGone = gone.at(-1) ?? before.toSorted(compareBytes)[0]
  const lastCome = come.at(-1) ?? after.toSorted(compareBytes)[0]
  if (lastGone === undefined || lastCome === undefined) return []
  return Array.from({ length: Math.max(gone.length, come.length) }, (_, index) => ({
    from: gone[index] ?? lastGone,
    to: come[index] ?? lastCome,
  }))
}

/** What tells bytes apart: their digests, or, where upstream has gone over to another algorithm, their sizes at most. */
function contentOf(packages: readonly PackageBytes[]): (one: PackageBytes) => string {
  const algorithms = new Set(packages.map(({ digest }) => digestAlgorithm(digest)))
  if (algorithms.size === 1) return ({ digest }) => digest
  const areSized = packages.every(({ size }) => size !== undefined)
  return ({ size }) => (areSized ? String(size) : '')
}

function compareBytes(a: PackageBytes, b: PackageBytes): number {
  return compareText(a.href, b.href) || compareText(a.digest, b.digest)
}
