import { hrefsAt } from '../model/snapshot-path.ts'
import type { Snapshot, SnapshotFile, SnapshotReader } from '../snapshot/store.ts'

/** A file, and the snapshot that lists it. */
export interface FoundFile {
  readonly snapshot: Snapshot
  readonly file: SnapshotFile
}

/** The file of a snapshot at a path that clients ask for. */
export async function findFile(
  snapshots: Pick<SnapshotReader, 'file'>,
  snapshot: Snapshot,
  path: string,
): Promise<SnapshotFile | undefined> {
  for (const href of hrefsAt(path, snapshot)) {
    const file = await snapshots.file(snapshot, href)
    if (file !== undefined) return file
  }
  return undefined
}

/** The current snapshot's file at a path, else an earlier one's, else, after a roll-back, that of a later one. */
export async function findRollingFile(
  snapshots: Pick<SnapshotReader, 'rollingFile' | 'newest'>,
  current: Snapshot,
  path: string,
): Promise<FoundFile | undefined> {
  const hrefs = hrefsAt(path, current)
  for (const href of hrefs) {
    const found = await snapshots.rollingFile(current, href)
    if (found !== undefined) return found
  }
  const newest = await snapshots.newest(current.mirror)
  if (newest === undefined || newest.id === current.id) return undefined
  for (const href of hrefs) {
    const found = await snapshots.rollingFile(newest, href)
    if (found !== undefined) return found
  }
  return undefined
}
