import type { DiffStatements } from './sql-diff.ts'
import type { Snapshot } from '../store.ts'
import type { PackageDifferences, StoredPackage } from './stored-package.ts'

/** Reads in which packages two snapshots of one mirror differ; inside a transaction, so that both statements see the same rows. */
export function readDifferences(
  statements: DiffStatements,
  from: Snapshot,
  to: Snapshot,
): PackageDifferences {
  const span = { mirrorId: from.mirrorId, fromSeq: from.seq, toSeq: to.seq }
  const gone: StoredPackage[] = []
  const come: StoredPackage[] = []
  for (const row of statements.changedPackages.iterate(span) as Iterable<PackageRow & { come: number }>)
    (row.come === 1 ? come : gone).push(toStoredPackage(row))
  if (gone.length === 0 && come.length === 0) return { gone, come, kept: [] }
  const names = new Map([...gone, ...come].map(({ name, arch }) => [`${name}\0${arch}`, [name, arch]]))
  const kept = statements.keptPackages.all({ ...span, names: JSON.stringify([...names.values()]) })
  return { gone, come, kept: (kept as PackageRow[]).map(toStoredPackage) }
}

/** A row of package columns: a null size is one that primary did not state. */
export type PackageRow = Omit<StoredPackage, 'size'> & { readonly size: number | null }

/** A package's row in the shape of stored-package.ts. */
export function toStoredPackage(row: PackageRow): StoredPackage {
  const { name, epoch, version, release, arch, href, digest, size } = row
  return { name, epoch, version, release, arch, href, digest, size: size ?? undefined }
}
