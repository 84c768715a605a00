import type { ChangeCounts } from '../snapshot/farm/farm.ts'
import type { MirrorState, Snapshot } from '../snapshot/store.ts'
import type { ApiContext } from './api-context.ts'

/** What lists tell of a snapshot beside what it is. */
export interface ListedView {
  /** By how much it differs from the one before it; null where that was not counted. */
  readonly changes: ChangeCounts | null
  /** Each reason for which retention would keep it, or for which it goes. */
  readonly kept_because: readonly string[]
}

/** The same of all snapshots of a mirror. */
export async function describeListed(
  { snapshots: { farm }, retention, now }: Pick<ApiContext, 'snapshots' | 'retention' | 'now'>,
  { removedAt }: Pick<MirrorState, 'removedAt'>,
  all: readonly Snapshot[],
): Promise<(snapshot: Snapshot) => ListedView> {
  const id = all[0]?.mirrorId
  const listed = id === undefined ? [] : await farm.snapshots({ id, removedAt }, retention(), now())
  const byId = new Map(listed.map((one) => [one.id, one]))
  return (snapshot) => {
    const { changes, kept } = byId.get(snapshot.id) ?? {}
    return { changes: changes ?? null, kept_because: kept ?? [] }
  }
}
