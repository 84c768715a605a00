import { createLayout } from '../../cache/layout.ts'
import { openDatabase } from '../database.ts'
import { runProcess } from '../process-job.ts'
import type { StaleParts } from './inventory-state.ts'
import { writeInventory, type InventoryUpdate } from './inventory-writer.ts'

/** Memory of an update, in MiB: a mirror's lines at a time, and all generations once. */
const MAX_HEAP_MB = 256

/** Brings parts of the inventory up to date somewhere. When it settles, nothing of it runs on. */
export type InventoryRunner = (parts: StaleParts, signal: AbortSignal) => Promise<InventoryUpdate>

/** What the process is told. */
export interface InventoryRequest {
  readonly dataDir: string
  readonly parts: StaleParts
  readonly nowMs: number
}

/**
 * Updates in a process: reading and writing what a mirror has takes longer than a request should wait, and more memory than a server should
 * keep.
 */
export function createInventoryRunner(dataDir: string, now: () => number): InventoryRunner {
  return async (parts, signal) =>
    await runProcess<InventoryUpdate, never>({
      url: new URL(import.meta.resolve('./inventory-process.ts')),
      task: { dataDir, parts, nowMs: now() } satisfies InventoryRequest,
      doing: 'writing the inventory',
      maxHeapMb: MAX_HEAP_MB,
      signal,
      onProgress: () => undefined,
    })
}

/** Updates in this very thread, which is faster than starting a process: for one that nobody waits for. */
export function createInventoryWriter(dataDir: string, now: () => number): InventoryRunner {
  return async (parts) => await updateInventory({ dataDir, parts, nowMs: now() })
}

/** Does what a request says, and blocks its thread meanwhile. Throws STORE_FAILED, or what the disk says. */
export async function updateInventory({ dataDir, parts, nowMs }: InventoryRequest): Promise<InventoryUpdate> {
  const layout = createLayout(dataDir)
  const database = openDatabase(layout.database)
  try {
    return await writeInventory({ database, directory: layout.inventory, nowMs }, parts)
  } finally {
    database.close()
  }
}
