import { runWorker } from '../worker-job.ts'
import { startWorker } from '../worker-thread.ts'
import type { VerifyProgress, VerifyWalk } from './verify-report.ts'

/** Memory of a walk, in MiB: names of blobs a directory at a time, and findings. */
const MAX_HEAP_MB = 256
const MAX_YOUNG_GENERATION_MB = 4

/** Reads all blobs somewhere. When it settles, nothing of it runs on. */
export type VerifyRunner = (options: {
  readonly signal: AbortSignal
  readonly onProgress: (progress: VerifyProgress) => void
}) => Promise<VerifyWalk>

/** Walks in a thread: reading and hashing a whole cache takes minutes, and would hold up every request. */
export function createVerifyRunner(dataDir: string): VerifyRunner {
  return async ({ signal, onProgress }) =>
    await runWorker<VerifyWalk, VerifyProgress>({
      start: () =>
        startWorker({
          url: new URL(import.meta.resolve('./verify-thread.ts')),
          workerData: { dataDir },
          maxHeapMb: MAX_HEAP_MB,
          maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB,
        }),
      doing: 'verifying blobs',
      signal,
      onProgress,
    })
}
