import { mergeArches } from '../arches/same-changes.ts'
import { classifyPackages } from '../diff/diff.ts'
import type { Snapshot, SnapshotReader } from '../store.ts'
import type { FarmWriter } from './farm.ts'

/**
 * Counts by how much a snapshot differs from the one before it, as a diff of both would tell, and notes that. Blocks its thread for some
 * tenths of a second. Nothing depends on it: a snapshot of which it cannot be told is one all the same.
 */
export async function countChanges(
  store: Pick<SnapshotReader, 'snapshots' | 'differences'> & { readonly farm: FarmWriter },
  snapshot: Snapshot,
): Promise<void> {
  try {
    const all = await store.snapshots(snapshot.mirror)
    const before = all.find(({ seq }) => seq < snapshot.seq)
    if (before === undefined) return
    const changes = classifyPackages(await store.differences(before, snapshot))
    const { added, removed, upgraded, downgraded, replaced } = mergeArches(changes)
    await store.farm.recordChanges(snapshot.id, {
      added: added.length,
      removed: removed.length,
      upgraded: upgraded.length,
      downgraded: downgraded.length,
      replaced: replaced.length,
    })
  } catch {
    // It shows as unknown.
  }
}
