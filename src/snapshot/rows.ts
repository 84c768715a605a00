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

/** A row with a digest and a size, of repodata or of a package. */
export function toFile(path: string, kind: SnapshotFile['kind'], row: unknown): SnapshotFile {
  const { digest, size, name } = row as Row<Pick<SnapshotFile, 'digest' | 'size'>> & { name?: string }
  const file = { path, kind, digest: digest ?? undefined, size: size ?? undefined }
  return name === undefined ? file : { ...file, packageName: name }
}

/** A row of a file that was pinned when its snapshot was made: of repodata, or one beside the packages. */
export function toPinnedFile(path: string, row: unknown): SnapshotFile {
  return toFile(path, (row as { type: string }).type === 'extra' ? 'extra' : 'repodata', row)
}

/** A row of a file that a rolling view found. */
export function toRollingFile(path: string, row: unknown): SnapshotFile {
  const { kind, name, ...columns } = row as { kind: 'pinned' | 'package' | 'extra'; name: string }
  if (kind === 'pinned') return toPinnedFile(path, columns)
  return toFile(path, kind, kind === 'package' ? { ...columns, name } : columns)
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
