import type Database from 'better-sqlite3'

import type { DiskInventory } from '../../cache/disk-inventory.ts'
import type { Inventory } from '../inventory/inventory-reader.ts'
import type { RestoredMirror } from './restore-mirror.ts'
import { insertRow, type RebuildStatements } from './sql-rebuild.ts'

/** Replays the generations, in one transaction, so that each names what it named. Gives how many there are. */
export function restoreGenerations(
  database: Database.Database,
  { addGeneration, closeSpan, openSpan }: RebuildStatements,
  { generations }: Inventory,
  mirrors: ReadonlyMap<string, RestoredMirror>,
): number {
  const restore = () => {
    let count = 0
    for (const { changes, why, ...row } of generations.toSorted((a, b) => a.number - b.number)) {
      // Written twice: the first is as good.
      if (addGeneration.run({ ...row, why: typeof why === 'string' ? why : null }).changes === 0) continue
      count += 1
      for (const [mirror, snapshot] of changes) {
        const restored = mirrors.get(mirror)
        if (restored === undefined) continue
        const span = { mirrorId: restored.mirrorId, generation: row.number }
        closeSpan.run(span)
        const snapshotId = snapshot === null ? undefined : restored.ids.get(snapshot)
        if (snapshotId !== undefined) openSpan.run({ ...span, snapshotId })
      }
    }
    return count
  }
  return database.transaction(restore)()
}

/** Restores the views of generations that there are, and the farm's clock, by which they end. Gives how many there are. */
export function restoreViews(database: Database.Database, { clock, views, generations }: Inventory): number {
  const numbers = new Set(generations.map(({ number }) => number))
  const restore = () => {
    if (clock !== undefined) insertRow(database, 'clock', clock)
    const own = views.filter((view) => numbers.has(Number(view['generation'])))
    for (const view of own) insertRow(database, 'view', view)
    return own.length
  }
  return database.transaction(restore)()
}

/**
 * Enters every blob that is on the disk.
 * @param usedAt when a blob counts as used last, in milliseconds since the epoch, by when its file was read or written last
 */
export function restoreBlobs(
  database: Database.Database,
  statements: RebuildStatements,
  inventory: DiskInventory,
  usedAt: (fileMs: number) => number,
): { readonly count: number; readonly bytes: number } {
  for (const { digests } of inventory.parts()) {
    const enter = () => {
      for (const digest of digests) {
        const file = inventory.describe(digest)
        if (file !== undefined)
          statements.addBlob.run({ digest, size: file.size, usedAt: usedAt(file.usedAtMs) })
      }
    }
    database.transaction(enter)()
  }
  return statements.blobTotal.get() as { count: number; bytes: number }
}
