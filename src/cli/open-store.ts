import type { SqliteSnapshotStore } from '../snapshot/sqlite-snapshot-store.ts'

/** Opens a database while no server runs. What that needs is loaded only then: most commands ask a server. */
export async function openStore(database: string): Promise<SqliteSnapshotStore> {
  const { SqliteSnapshotStore: Store } = await import('../snapshot/sqlite-snapshot-store.ts')
  return new Store(database)
}
