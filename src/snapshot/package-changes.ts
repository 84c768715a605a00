import { toStoredPackage, type PackageRow } from './differences.ts'
import { compareReplaced, findReplaced, groupByNevra, nevraKey, type ReplacedPackage } from './replaced.ts'
import type { PublishStatements } from './sql.ts'
import type { StoredPackage } from './stored-package.ts'

/** What a snapshot's packages changed. */
export interface WrittenPackages {
  readonly added: number
  readonly removed: number
  readonly replaced: readonly ReplacedPackage[]
}

/**
 * Closes the rows of packages that are gone and adds those of new ones; inside the transaction of a publication. Costs what changed: for
 * what was replaced, nothing is read that was not just written.
 */
export function writePackages(statements: PublishStatements, mirrorId: number, seq: number): WrittenPackages {
  const { closeGonePackages, addNewPackages, lastPackage, packagesAfter } = statements
  const gone = (closeGonePackages.all({ mirrorId, seq }) as PackageRow[]).map(toStoredPackage)
  const last = lastPackage.get() as { id: number }
  const added = addNewPackages.run({ mirrorId, seq }).changes
  const come = gone.length === 0 ? [] : (packagesAfter.iterate(last) as Iterable<PackageRow>)
  return { added, removed: gone.length, replaced: matchReplaced(gone, come) }
}

/** Of what came, whatever calls itself as something that is gone, and has other bytes. */
function matchReplaced(gone: readonly StoredPackage[], come: Iterable<PackageRow>): ReplacedPackage[] {
  const before = groupByNevra(gone)
  const after = new Map<string, StoredPackage[]>()
  for (const row of come) {
    const one = toStoredPackage(row)
    const key = nevraKey(one)
    if (!before.has(key)) continue
    const group = after.get(key)
    if (group === undefined) after.set(key, [one])
    else group.push(one)
  }
  const found = [...after].flatMap(([key, files]) => findReplaced(before.get(key) ?? [], files))
  return found.toSorted(compareReplaced)
}
