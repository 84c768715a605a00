import type { CandidateFile, MirrorState, SeenRepomd, Snapshot, SnapshotArch, SnapshotFile } from './store.ts'

// From the rows that the statements of sql.ts give to the records of store.ts: a null column is an absent value.

type Row<T> = { [Key in keyof T]: T[Key] | null }

/** A row of snapshot columns. */
export function toSnapshot(row: unknown): Snapshot | undefined {
  return row === undefined ? undefined : toOneSnapshot(row)
}

/** Rows of snapshot columns. */
export function toSnapshots(rows: readonly unknown[]): Snapshot[] {
  return rows.map(toOneSnapshot)
}

/** Architectures of a snapshot as their column has them: separated by blanks, or null. */
export function toArches(column: string | null): readonly string[] | undefined {
  return column?.split(' ')
}

/** Rows of a snapshot's architectures. */
export function toSnapshotArches(rows: readonly unknown[]): SnapshotArch[] {
  return rows.map((row) => withoutNulls(row as Row<SnapshotArch>))
}

/** What was seen of each of a mirror's architectures, as its column has it: JSON, or null. */
export function toSeenArches(column: string | null): ReadonlyMap<string, SeenRepomd> {
  const seen = column === null ? {} : (JSON.parse(column) as Record<string, SeenRepomd>)
  return new Map(Object.entries(seen))
}

function toOneSnapshot(row: unknown): Snapshot {
  const { arches, ...columns } = row as Row<Omit<Snapshot, 'arches'>> & { arches: string | null }
  return { ...withoutNulls(columns), arches: toArches(arches) }
}

interface FileRow extends Row<Pick<SnapshotFile, 'digest' | 'size'>> {
  readonly kind: 'pinned' | 'package' | 'extra'
  /** Of one that is pinned. */
  readonly type: string | null
  /** Of a package. */
  readonly name: string
}

/** A row of a file that a snapshot has: pinned when that was made, which is repodata or beside the packages, or listed. */
export function toFile(path: string, row: unknown): SnapshotFile {
  const { kind, type, digest, size, name } = row as FileRow
  const file = { path, digest: digest ?? undefined, size: size ?? undefined }
  if (kind === 'package') return { ...file, kind, packageName: name }
  return { ...file, kind: kind === 'extra' || type === 'extra' ? 'extra' : 'repodata' }
}

/** Rows of pinned repodata files. */
export function toCandidateFiles(rows: readonly unknown[]): CandidateFile[] {
  return rows.map((row) => withoutNulls(row as Row<CandidateFile>))
}

/** A mirror's row; `current` is the index it may be in. */
export function toMirrorState(row: unknown, current: ReadonlyMap<string, Snapshot>): MirrorState {
  const { listed, pinned, ...columns } = row as Row<Omit<MirrorState, 'listed' | 'pinned' | 'current'>> & {
    listed: number
    pinned: number
  }
  const state = withoutNulls(columns)
  return { ...state, listed: listed === 1, pinned: pinned === 1, current: current.get(state.name) }
}

/** The row of the last repomd.xml seen. */
export function toSeenRepomd(row: unknown): SeenRepomd | undefined {
  if (row === undefined) return undefined
  const { named, ...seen } = withoutNulls(row as Row<SeenRepomd>)
  return named === undefined ? seen : { ...seen, named }
}

/** The row itself: of a mirror's many snapshots each is read, and nobody else has it. */
function withoutNulls<T extends object>(row: Row<T>): T {
  const columns = row as Record<string, unknown>
  for (const name in columns) columns[name] ??= undefined
  return row as T
}
