import { splitArch } from '../../model/arch.ts'
import { expandSource } from '../../model/source-package.ts'
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
  // Where one of them has a single repository, both are compared as wholes.
  const arches = from.arches && to.arches && [...new Set([...from.arches, ...to.arches])]
  const toPackage = (row: PackageRow) => toStoredPackage(row, arches)
  const gone: StoredPackage[] = []
  const come: StoredPackage[] = []
  for (const row of statements.changedPackages.iterate(span) as Iterable<PackageRow & { come: number }>)
    (row.come === 1 ? come : gone).push(toPackage(row))
  if (gone.length === 0 && come.length === 0) return { gone, come, kept: [] }
  const names = new Map([...gone, ...come].map(({ name, arch }) => [`${name}\0${arch}`, [name, arch]]))
  const kept = statements.keptPackages.all({ ...span, names: JSON.stringify([...names.values()]) })
  return { gone, come, kept: (kept as PackageRow[]).map(toPackage) }
}

/** A row of package columns: a null size is one that primary did not state; the source is stored in short, and not everywhere read. */
export type PackageRow = Omit<StoredPackage, 'size' | 'source'> & {
  readonly size: number | null
  readonly source?: string | null
}

/** A package's row in the shape of stored-package.ts. @param arches those that its href may begin with, if any */
export function toStoredPackage(row: PackageRow, arches?: readonly string[]): StoredPackage {
  const { name, epoch, version, release, arch, href, digest, size } = row
  const own = arches && splitArch(href, arches)?.arch
  const one = { name, epoch, version, release, arch, href, digest, size: size ?? undefined }
  const source = expandSource(row.source ?? null, one)
  const sourced = source === undefined ? one : { ...one, source }
  return own === undefined ? sourced : { ...sourced, arches: [own] }
}
