import { toStoredPackage, type PackageRow } from './diff/differences.ts'
import { findReplaced, type Replaced } from './replaced.ts'
import type { PublishStatements } from './sql.ts'
import type { StoredPackage } from './diff/stored-package.ts'

/** What a snapshot's packages changed. */
export interface WrittenPackages {
  readonly added: number
  readonly removed: number
  /** How many were replaced in place, and the first of them. */
  readonly replaced: number
  readonly named: readonly Replaced<StoredPackage>[]
}

/** As many replaced packages as are worth naming. */
const MAX_NAMED = 20
/** Files of one name and version: real repositories have two. */
const MAX_FILES = 100

/** Which snapshot packages are written for. */
export interface WrittenSnapshot {
  readonly mirrorId: number
  readonly seq: number
  /** Whether both it and the one before have several architectures, of which each is compared with itself. */
  readonly byArch?: boolean
  /** Whether it has several architectures: what several of them gain or lose is one package. */
  readonly hasArches?: boolean
  /** Of which nothing was staged, as it stays what it is: see arches/kept-arches.ts. */
  readonly keptParts?: string
}

/**
 * Closes the rows of packages that are gone and adds those of new ones; inside the transaction of a publication. Costs what changed: for
 * what was replaced, nothing is read that was not just written. So of several files of one name and version, those that stayed are not seen.
 */
export function writePackages(statements: PublishStatements, snapshot: WrittenSnapshot): WrittenPackages {
  const { mirrorId, seq, byArch = false, hasArches = false, keptParts = '' } = snapshot
  const { anyPackage, lastPackage, addFirstPackages } = statements
  const { id: last } = lastPackage.get() as { id: number }
  const count = (added: number, removed: number) =>
    hasArches ? countDistinct(statements, last) : { added, removed }
  if (anyPackage.get({ mirrorId }) === undefined) {
    const added = addFirstPackages.run({ mirrorId, seq }).changes
    return { ...count(added, 0), replaced: 0, named: [] }
  }
  const { noteGonePackages, closeGonePackages, noteEarlier, addNewPackages, forgetReturned } = statements
  const removed = noteGonePackages.run({ mirrorId, keptParts }).changes
  closeGonePackages.run({ seq })
  if (removed > 0) noteEarlier.run()
  const added = addNewPackages.run({ mirrorId, seq }).changes
  if (added > 0) forgetReturned.run({ mirrorId, last })
  const counts = count(added, removed)
  if (removed === 0 || added === 0) return { ...counts, replaced: 0, named: [] }
  return { ...counts, ...readReplaced(statements, last, byArch) }
}

function countDistinct(
  { distinctAdded, distinctGone }: PublishStatements,
  last: number,
): Pick<WrittenPackages, 'added' | 'removed'> {
  const { count: added } = distinctAdded.get({ last }) as { count: number }
  const { count: removed } = distinctGone.get() as { count: number }
  return { added, removed }
}

/** @param last the last row that was there before those just added */
function readReplaced(
  { replacedPackages, packageById }: PublishStatements,
  last: number,
  byArch: boolean,
): Pick<WrittenPackages, 'replaced' | 'named'> {
  const groups = replacedPackages.all({ last, limit: MAX_NAMED, byArch: byArch ? 1 : 0 }) as {
    ids: string
    total: number
  }[]
  const named = groups.flatMap(({ ids }) => {
    const numbers = ids.split(',').slice(0, MAX_FILES).map(Number)
    const read = (isOfThem: (id: number) => boolean) =>
      numbers.filter(isOfThem).map((id) => toStoredPackage(packageById.get({ id }) as PackageRow))
    return findReplaced(
      read((id) => id <= last),
      read((id) => id > last),
    )
  })
  return { replaced: groups[0]?.total ?? 0, named: named.slice(0, MAX_NAMED) }
}
