import { runWorker } from '../worker-job.ts'
import type { StaleParts } from './inventory-state.ts'
import type { InventoryUpdate } from './inventory-writer.ts'

/** Memory of an update, in MiB: a mirror's lines at a time, and all generations once. */
const MAX_HEAP_MB = 256
const MAX_YOUNG_GENERATION_MB = 4

/** Brings parts of the inventory up to date somewhere. When it settles, nothing of it runs on. */
export type InventoryRunner = (parts: StaleParts, signal: AbortSignal) => Promise<InventoryUpdate>

/** What the thread is started with. */
export interface InventoryRequest {
  readonly dataDir: string
  readonly parts: StaleParts
  readonly nowMs: number
}

/** Updates in a thread: reading and writing what a mirror has takes longer than a request should wait. */
export function createInventoryRunner(dataDir: string, now: () => number): InventoryRunner {
  return async (parts, signal) => {
    const request: InventoryRequest = { dataDir, parts, nowMs: now() }
    return await runWorker<InventoryUpdate, never>({
      url: new URL(import.meta.resolve('./inventory-thread.ts')),
      workerData: request,
      doing: 'writing the inventory',
      maxHeapMb: MAX_HEAP_MB,
      maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB,
      signal,
      onProgress: () => undefined,
    })
  }
}
