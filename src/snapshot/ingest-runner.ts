import { createLayout, temporaryPath } from '../cache/layout.ts'
import { removeFile } from '../system/publish.ts'
import type { ArchesJob } from './arches/ingest-arches.ts'
import type { IngestJob } from './ingest.ts'
import type { PublishedSnapshot } from './store.ts'
import { runWorker } from './worker-job.ts'

/** Runs an ingest somewhere. When it settles, nothing of the ingest runs on. */
export type IngestRunner<Job = IngestJob> = (
  job: Job,
  options: { signal: AbortSignal; onPackages: (count: number) => void },
) => Promise<PublishedSnapshot>

/** Where threads work and what they are allowed. */
export interface ThreadRunnerOptions {
  readonly dataDir: string
  /** Names this process in temporary files: see {@link Claims}. */
  readonly processId: string
  /** MiB of a thread's heap; 256 unless told. */
  readonly maxHeapMb?: number
}

/** What the thread is started with. */
export interface ThreadRequest {
  readonly dataDir: string
  readonly processId: string
  readonly job: IngestJob | ArchesJob
}

/** Memory of an ingest thread, in MiB: plenty for a stream of packages, and a bound on what a hostile primary can cost. */
const MAX_HEAP_MB = 256
/** A small young generation keeps the peak low, since nothing of a batch lives long: with 16 it is 30 MB higher, and no faster. */
const MAX_YOUNG_GENERATION_MB = 4

/** Runs ingests in a thread each. One that exceeds its memory fails alone. */
export function createThreadRunner(options: ThreadRunnerOptions): IngestRunner<IngestJob | ArchesJob> {
  const { dataDir, processId, maxHeapMb = MAX_HEAP_MB } = options
  return async (job, { signal, onPackages }) => {
    const request: ThreadRequest = { dataDir, processId, job }
    let scratchFile: string | undefined
    try {
      return await runWorker<PublishedSnapshot, number>({
        url: new URL(import.meta.resolve('./ingest-thread.ts')),
        workerData: request,
        doing: 'reading repodata',
        maxHeapMb,
        maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB,
        signal,
        onProgress: onPackages,
        onStart: (threadId) => (scratchFile = threadScratchFile(request, threadId)),
      })
    } finally {
      // A thread that was ended from outside could not.
      if (scratchFile !== undefined) await removeFile(scratchFile)
    }
  }
}

/** The scratch database of an ingest thread: no two threads of a process have one number. */
export function threadScratchFile(
  { dataDir, processId }: Pick<ThreadRequest, 'dataDir' | 'processId'>,
  threadId: number,
): string {
  return temporaryPath(createLayout(dataDir), processId, 'ingest', threadId)
}
