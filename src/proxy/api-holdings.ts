import type { FetchTally } from '../snapshot/prefetch/fetch-run.ts'
import type { DepartedCounts, PackageSum } from '../snapshot/departed/departed.ts'
import type { MirrorState, Snapshot, SnapshotStore } from '../snapshot/store.ts'

/** What of the packages that upstream has dropped and snapshots list is left, in the API's words. */
export interface DepartedView {
  /** Cached: only here, and thus never evicted. */
  readonly kept: number
  readonly kept_bytes: number
  /** Not cached, and some source may still have them. */
  readonly at_risk: number
  readonly at_risk_bytes: number
  /** Every source was asked and has them not. */
  readonly lost: number
  readonly lost_bytes: number
}

/** How much of a snapshot is cached, as counted last; null before that. */
export interface CachedView {
  readonly cached: number | null
  readonly cached_bytes: number | null
}

/** A mirror's fetching ahead: its last run. */
export interface PrefetchView {
  readonly running: boolean
  readonly done: number
  readonly total: number
  readonly fetched: number
  readonly bytes: number
  readonly lost: number
  readonly failed: number
  /** Why the last one failed. */
  readonly reason: string | null
  /** Why it ended before its end: `cache full`, `trouble`, `shutting down`. */
  readonly stopped: string | null
}

/** What the packages of mirrors are described from. */
export type HoldingsStore = Pick<SnapshotStore, 'departed' | 'stock' | 'extras'>

const NONE: PackageSum = { count: 0, bytes: 0 }

/** Counts in the API's words; of what has none, zeros. */
function toDepartedView(counts: DepartedCounts | undefined): DepartedView {
  const { cached, at_risk: atRisk, lost } = counts ?? { cached: NONE, at_risk: NONE, lost: NONE }
  return {
    kept: cached.count,
    kept_bytes: cached.bytes,
    at_risk: atRisk.count,
    at_risk_bytes: atRisk.bytes,
    lost: lost.count,
    lost_bytes: lost.bytes,
  }
}

function toCachedView(sum: PackageSum | undefined): CachedView {
  return { cached: sum?.count ?? null, cached_bytes: sum?.bytes ?? null }
}

/** Describes what is there of mirrors: of the current snapshot what is cached, of all what upstream has dropped. */
export async function describeMirrors({
  departed,
  stock,
}: HoldingsStore): Promise<(state: MirrorState) => DepartedView & CachedView> {
  const [left, cached] = [await departed.counts(), await stock.counts()]
  return ({ name, current }) => ({
    ...toCachedView(current === undefined ? undefined : cached.get(current.id)),
    ...toDepartedView(left.get(name)),
  })
}

/** The same of the snapshots of one mirror. */
export async function describeSnapshots(
  { departed, stock }: HoldingsStore,
  mirror: string,
): Promise<(snapshot: Snapshot) => DepartedView & CachedView> {
  const [left, cached] = [await departed.countsBySnapshot(mirror), await stock.counts(mirror)]
  return ({ id, name }) => ({ ...toCachedView(cached.get(id)), ...toDepartedView(left.get(name)) })
}

/** A run in the API's words. */
export function toPrefetchView(
  state: (FetchTally & { readonly isRunning: boolean }) | undefined,
): PrefetchView | null {
  if (state === undefined) return null
  const { isRunning: running, done, total, fetched, bytes, lost, failed, reason, stopped } = state
  return {
    running,
    done,
    total,
    fetched,
    bytes,
    lost,
    failed,
    reason: reason ?? null,
    stopped: stopped ?? null,
  }
}
