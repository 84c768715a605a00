import { runProcess } from '../process-job.ts'
import type { StaleParts } from './inventory-state.ts'
import type { InventoryUpdate } from './inventory-writer.ts'

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
