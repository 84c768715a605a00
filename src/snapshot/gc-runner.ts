import type { Digest } from '../model/digest.ts'
import type { GcRequest } from './gc-context.ts'
import type { GcReport } from './gc-report.ts'
import { runWorker } from './worker-job.ts'

/** Runs a collection somewhere. When it settles, nothing of it runs on. */
export type GcRunner = (
  request: GcRequest,
  options: { readonly signal: AbortSignal; readonly onRemoved: (digests: readonly Digest[]) => void },
) => Promise<GcReport>

/** What the thread is started with. */
export interface GcThreadRequest {
  readonly dataDir: string
  /** Names this process in temporary files. */
  readonly processId: string
  readonly request: GcRequest
}

/** Memory of a collection's thread, in MiB: lists of a few hundred thousand blobs at the most. */
const MAX_HEAP_MB = 512
const MAX_YOUNG_GENERATION_MB = 16

/** Runs collections in a thread each: none holds up a request. */
export function createGcRunner(place: Omit<GcThreadRequest, 'request'>): GcRunner {
  return async (request, { signal, onRemoved }) => {
    const workerData: GcThreadRequest = { ...place, request }
    return await runWorker<GcReport, readonly Digest[]>({
      url: new URL(import.meta.resolve('./gc-thread.ts')),
      workerData,
      doing: 'collecting garbage',
      maxHeapMb: MAX_HEAP_MB,
      maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB,
      signal,
      onProgress: onRemoved,
    })
  }
}
