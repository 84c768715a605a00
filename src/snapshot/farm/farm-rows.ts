import { expandSource } from '../../model/source-package.ts'
import type { DepartedCounts } from '../departed/departed.ts'
import type { DepartedTotal } from '../departed/departed-totals.ts'
import { NO_DEPARTED } from '../departed/sqlite-departed.ts'
import type {
  ChangeCounts,
  CheckRun,
  CurrentSpan,
  FarmMirror,
  FarmSnapshot,
  ListedSnapshot,
  MirrorUseSummary,
  PackageSpan,
  SnapshotFetch,
} from './farm.ts'
import { NO_DEFECTS, type MirrorDefects } from './mirror-defects.ts'
import { toArches } from '../rows.ts'

// From the rows that the statements of sql-farm.ts give to the records of farm.ts: a null column is an absent value.

type Nullable<T> = { readonly [Key in keyof T]: T[Key] | null }

/** A mirror with its current snapshot, if any. */
export interface MirrorRow {
  readonly id: number
  readonly name: string
  readonly listed: number
  readonly pinned: number
  readonly pinWhy: string | null
  readonly removedAt: number | null
  readonly checkedAt: number | null
  readonly pinnedAt: number | null
  readonly succeededAt: number | null
  readonly error: string | null
  readonly failures: number | null
  readonly failingSince: number | null
  readonly snapshotId: number | null
  readonly seq: number
  readonly snapshot: string
  readonly createdAt: number
  readonly packages: number
  readonly bytes: number
  readonly climb: number
  readonly arches: string | null
  readonly cached: number | null
  readonly cachedBytes: number | null
  readonly currentSince: number | null
  readonly lastUsed: number | null
  readonly newest: string | null
  readonly waiting: number
  readonly replaced: number | null
  readonly replacedUnkept: number
}

/** A snapshot in a list. */
export type SnapshotRow = { readonly cameAt: number } & Omit<
  FarmSnapshot,
  'cached' | 'cachedBytes' | 'arches'
> &
  Nullable<ChangeCounts> &
  Nullable<Pick<ListedSnapshot, 'revision' | 'lastUsed' | 'cached' | 'cachedBytes'>> & {
    readonly requests: number
    readonly arches: string | null
  }

/** A package, with its number. */
export type PackageRow = Omit<PackageSpan, 'size' | 'lastSeq' | 'cached' | 'source'> & {
  readonly source: string | null
  readonly id: number
  readonly size: number | null
  readonly lastSeq: number | null
  readonly cached: number
}

/** A mirror's use, with its number and a sketch of its clients. */
export type UseRow = Omit<MirrorUseSummary, 'clients' | 'agents' | 'firstSeen' | 'lastSeen'> & {
  readonly id: number
  readonly clients: Uint8Array | null
  readonly firstSeen: number | null
  readonly lastSeen: number | null
}

/** By their numbers in the database. */
const STATES = ['cached', 'at_risk', 'lost'] as const

/** Adds up rows of states, by mirror. */
export function addDeparted(rows: readonly DepartedTotal[]): ReadonlyMap<number, DepartedCounts> {
  const counts = new Map<number, DepartedCounts>()
  for (const { mirrorId, state, count, bytes } of rows) {
    const name = STATES[state] ?? 'cached'
    counts.set(mirrorId, { ...(counts.get(mirrorId) ?? NO_DEPARTED), [name]: { count, bytes } })
  }
  return counts
}

/** A row of `mirrors`. */
export function toMirror(
  row: MirrorRow,
  departed: DepartedCounts = NO_DEPARTED,
  defects: MirrorDefects = NO_DEFECTS,
): FarmMirror {
  return {
    id: row.id,
    name: row.name,
    listed: row.listed === 1,
    pinned: row.pinned === 1,
    pinWhy: row.pinWhy ?? undefined,
    pinnedSince: row.pinned === 1 ? (row.pinnedAt ?? row.currentSince ?? undefined) : undefined,
    removedAt: row.removedAt ?? undefined,
    checkedAt: row.checkedAt ?? undefined,
    succeededAt: row.succeededAt ?? undefined,
    error: row.error ?? undefined,
    failures: row.failures ?? 0,
    failingSince: row.failingSince ?? undefined,
    current: row.snapshotId === null ? undefined : toCurrent(row, row.snapshotId),
    currentSince: row.currentSince ?? undefined,
    waiting: row.waiting,
    newest: row.newest ?? undefined,
    lastUsed: row.lastUsed ?? undefined,
    replaced: row.replaced ?? 0,
    replacedUnkept: row.replacedUnkept,
    departed,
    defects,
  }
}

function toCurrent(row: MirrorRow, id: number): FarmSnapshot {
  const { seq, snapshot: name, createdAt, packages, bytes, climb, arches, cached, cachedBytes } = row
  const counted = { cached: cached ?? undefined, cachedBytes: cachedBytes ?? undefined }
  return { id, seq, name, createdAt, packages, bytes, climb, arches: toArches(arches), ...counted }
}

/** A row of `snapshots`. */
export function toListedSnapshot(row: SnapshotRow, kept: readonly string[]): ListedSnapshot {
  const { id, seq, name, createdAt, packages, bytes, climb, requests } = row
  return {
    id,
    seq,
    name,
    createdAt,
    packages,
    bytes,
    climb,
    arches: toArches(row.arches),
    requests,
    kept,
    cached: row.cached ?? undefined,
    cachedBytes: row.cachedBytes ?? undefined,
    revision: row.revision ?? undefined,
    lastUsed: row.lastUsed ?? undefined,
    changes: toChanges(row),
  }
}

/** Counts of changes; undefined where they were not counted. */
export function toChanges(row: Nullable<ChangeCounts>): ChangeCounts | undefined {
  const { added, removed, upgraded, downgraded, replaced } = row
  if (typeof added !== 'number') return undefined
  return {
    added,
    removed: removed ?? 0,
    upgraded: upgraded ?? 0,
    downgraded: downgraded ?? 0,
    replaced: replaced ?? 0,
  }
}

/** A row of looks upstream. */
export function toCheckRun(row: unknown): CheckRun {
  const { snapshot, reason, ...run } = row as Omit<CheckRun, 'snapshot' | 'reason'> &
    Nullable<Pick<CheckRun, 'snapshot' | 'reason'>>
  return { ...run, snapshot: snapshot ?? undefined, reason: reason ?? undefined }
}

/** A row of how a snapshot was fetched. */
export function toSnapshotFetch(row: unknown): SnapshotFetch {
  const { arch, listed, ...facts } = row as Omit<SnapshotFetch, 'arch' | 'listed'> & {
    arch: string | null
    listed: number
  }
  return { ...facts, arch: arch ?? undefined, listed: listed === 1 }
}

/** A row of generations in which a snapshot was current. */
export function toCurrentSpan(row: unknown): CurrentSpan {
  const { first, since, last, until } = row as Nullable<CurrentSpan> & Pick<CurrentSpan, 'first' | 'since'>
  return { first, since, last: last ?? undefined, until: until ?? undefined }
}

/** A row of packages. */
export function toPackageSpan({ size, lastSeq, cached, source, ...row }: PackageRow): PackageSpan {
  const { name, epoch, version, release, arch, href, digest, firstSeq } = row
  const named = { name, epoch, version, release, arch, href, digest, firstSeq }
  return {
    ...named,
    size: size ?? undefined,
    lastSeq: lastSeq ?? undefined,
    cached: cached === 1,
    source: expandSource(source, row),
  }
}
