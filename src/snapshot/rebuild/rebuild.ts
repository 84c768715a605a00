import type { BlobStore } from '../../cache/blob-store.ts'
import { DiskInventory } from '../../cache/disk-inventory.ts'
import type { Layout } from '../../cache/layout.ts'
import { openDatabase } from '../database.ts'
import type { Inventory } from '../inventory/inventory-reader.ts'
import { findBelongings } from '../inventory/sql-inventory.ts'
import { prepareReads } from '../sql.ts'
import { addLostSnapshots } from './lost-snapshots.ts'
import type { RebuildProgress, RebuildReport } from './rebuild-report.ts'
import { restoreBlobs, restoreGenerations, restoreViews } from './restore-index.ts'
import { restoreMirror, type RestoreContext, type RestoredMirror } from './restore-mirror.ts'
import { prepareRebuild } from './sql-rebuild.ts'

/** What a database is made from. */
export interface RebuildContext {
  readonly layout: Layout
  readonly inventory: Inventory
  /** Where it is made; nothing may be there. */
  readonly file: string
  readonly blobs: Pick<BlobStore, 'open'>
  readonly scratchFile: () => string
  readonly obtain: RestoreContext['obtain']
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  readonly onProgress: (progress: RebuildProgress) => void
}

/**
 * Makes a database from an inventory and the blobs: what it answers is what the one answered that the inventory was made from. Nobody may
 * use it until this has ended. It blocks its thread.
 */
export async function rebuildDatabase(context: RebuildContext): Promise<Omit<RebuildReport, 'refetched'>> {
  const { file, inventory, nowMs, layout } = context
  const database = openDatabase(file, { fresh: true })
  try {
    // Until it is whole it is worth nothing; then all of it is made durable at once.
    database.pragma('wal_autocheckpoint = 16000')
    const statements = prepareRebuild(database)
    const reads = prepareReads(database)
    const belongings = findBelongings(database)
    const mirrors = new Map<string, RestoredMirror>()
    for (const mirror of addLostSnapshots(inventory)) {
      const { name } = mirror.mirror
      const onSnapshot = (done: number) =>
        context.onProgress({ mirror: name, done, total: mirror.snapshots.length })
      mirrors.set(
        name,
        await restoreMirror({ ...context, database, statements, reads, belongings, onSnapshot }, mirror),
      )
    }
    const generations = restoreGenerations(database, statements, inventory, mirrors)
    const views = restoreViews(database, inventory)
    const all = [...mirrors.values()]
    const leftOut = all.flatMap((mirror) => mirror.leftOut)
    const isWhole = leftOut.length + inventory.damaged.length === 0
    // What only a snapshot lists that is left out must stay until somebody has looked: as if it were needed just now.
    const usedAt = (fileMs: number) => (isWhole ? Math.min(fileMs, nowMs) : nowMs)
    const blobs = restoreBlobs(database, statements, new DiskInventory(layout, ''), usedAt)
    database.pragma('wal_checkpoint(TRUNCATE)')
    const broken = all.flatMap((mirror) => mirror.broken)
    return {
      mirrors: all.length,
      snapshots: all.reduce((sum, { snapshots }) => sum + snapshots, 0),
      retired: all.reduce((sum, { retired }) => sum + retired, 0),
      generations,
      views,
      blobs: blobs.count,
      bytes: blobs.bytes,
      left_out: leftOut,
      broken,
      damaged: inventory.damaged,
      ok: isWhole && broken.length === 0,
    }
  } finally {
    database.close()
  }
}
