import { compareEvr } from '../../model/evr.ts'
import { compareNevra, compareText, type Nevra } from '../../model/nevra.ts'
import { findReplaced, type Replaced } from '../replaced.ts'
import type { PackageDifferences, StoredPackage } from './stored-package.ts'

/** A name and architecture whose newest version is another one. */
export interface MovedPackage {
  /** The newest before, and after. */
  readonly from: StoredPackage
  readonly to: StoredPackage
  /** Other versions that came or went with it. */
  readonly alsoAdded: readonly StoredPackage[]
  readonly alsoRemoved: readonly StoredPackage[]
}

/** In what the packages of two snapshots differ, each list by name, then from old to new. A file that only moved is in none. */
export interface PackageChanges {
  /** Same name, version and architecture, other bytes. */
  readonly replaced: readonly Replaced<StoredPackage>[]
  readonly downgraded: readonly MovedPackage[]
  readonly upgraded: readonly MovedPackage[]
  /** Names and architectures that are gone, and of those whose newest version stayed, other versions. */
  readonly removed: readonly StoredPackage[]
  readonly added: readonly StoredPackage[]
}

type Writable<T> = { [Key in keyof T]: T[Key] extends readonly (infer Item)[] ? Item[] : never }

/** Sorts the packages in which two snapshots differ by what that means for who installs them; of several architectures, of each. */
export function classifyPackages(differences: PackageDifferences): PackageChanges {
  const changes: Writable<PackageChanges> = {
    replaced: [],
    downgraded: [],
    upgraded: [],
    removed: [],
    added: [],
  }
  for (const { before, after } of groupByName(differences)) classifyGroup(before, after, changes)
  changes.replaced.sort((a, b) => comparePackages(a.to, b.to) || comparePackages(a.from, b.from))
  changes.downgraded.sort((a, b) => comparePackages(a.to, b.to))
  changes.upgraded.sort((a, b) => comparePackages(a.to, b.to))
  changes.removed.sort(comparePackages)
  changes.added.sort(comparePackages)
  return changes
}

/** All packages of one name and architecture, in one repository, before and after. */
interface Group {
  readonly before: StoredPackage[]
  readonly after: StoredPackage[]
}

function groupByName({ gone, come, kept }: PackageDifferences): Iterable<Group> {
  const groups = new Map<string, Group>()
  const groupOf = ({ name, arch, arches = [] }: StoredPackage) => {
    const key = [name, arch, ...arches].join('\0')
    const known = groups.get(key)
    if (known !== undefined) return known
    const group: Group = { before: [], after: [] }
    groups.set(key, group)
    return group
  }
  for (const one of gone) groupOf(one).before.push(one)
  for (const one of come) groupOf(one).after.push(one)
  for (const one of kept) {
    groupOf(one).before.push(one)
    groupOf(one).after.push(one)
  }
  return groups.values()
}

function classifyGroup(
  before: readonly StoredPackage[],
  after: readonly StoredPackage[],
  changes: Writable<PackageChanges>,
): void {
  const versionsBefore = groupByVersion(before)
  const versionsAfter = groupByVersion(after)
  for (const [key, files] of versionsAfter)
    for (const one of findReplaced(versionsBefore.get(key) ?? [], files)) changes.replaced.push(one)
  const removed = versionsMissingFrom(versionsAfter, versionsBefore)
  const added = versionsMissingFrom(versionsBefore, versionsAfter)
  const from = newest(before)
  const to = newest(after)
  const order = from === undefined || to === undefined ? 0 : compareEvr(from, to)
  if (from === undefined || to === undefined || order === 0) {
    // Not spread: one name may have any number of versions.
    for (const one of removed) changes.removed.push(one)
    for (const one of added) changes.added.push(one)
    return
  }
  const alsoAdded = added.filter((one) => versionKey(one) !== versionKey(to))
  const alsoRemoved = removed.filter((one) => versionKey(one) !== versionKey(from))
  ;(order < 0 ? changes.upgraded : changes.downgraded).push({ from, to, alsoAdded, alsoRemoved })
}

/** What of these has one version, by {@link versionKey}. */
function groupByVersion(packages: readonly StoredPackage[]): Map<string, StoredPackage[]> {
  const groups = new Map<string, StoredPackage[]>()
  for (const one of packages) {
    const key = versionKey(one)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return groups
}

function versionKey({ epoch, version, release }: Nevra): string {
  return [epoch || '0', version, release].join('\0')
}

/** The versions that only the second has, one file of each. */
function versionsMissingFrom(
  one: ReadonlyMap<string, unknown>,
  other: ReadonlyMap<string, readonly StoredPackage[]>,
): StoredPackage[] {
  const missing = [...other].filter(([key]) => !one.has(key))
  return missing.flatMap(([, files]) => files.toSorted(comparePackages).slice(0, 1)).toSorted(comparePackages)
}

/** The newest version's first file; undefined when there is none. */
function newest(packages: readonly StoredPackage[]): StoredPackage | undefined {
  let found: StoredPackage | undefined
  for (const one of packages) {
    const order = found === undefined ? 1 : compareEvr(one, found)
    if (found === undefined || order > 0 || (order === 0 && comparePackages(one, found) < 0)) found = one
  }
  return found
}

function comparePackages(a: StoredPackage, b: StoredPackage): number {
  return compareNevra(a, b) || compareText(a.version, b.version) || compareText(a.href, b.href)
}
