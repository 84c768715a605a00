import type { Worker } from 'node:worker_threads'

import { createLayout, temporaryPath } from '../cache/layout.ts'
import { removeFile } from '../system/publish.ts'
import type { ArchesJob } from './arches/ingest-arches.ts'
import type { IngestJob } from './ingest.ts'
import type { PublishedSnapshot } from './store.ts'
import { runWorker, startWorker } from './worker-job.ts'

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

/** What a thread is started with; it is sent its job. */
export type ThreadPlace = Pick<ThreadRunnerOptions, 'dataDir' | 'processId'>

/** Runs ingests in a thread each. */
export interface ThreadRunner extends IngestRunner<IngestJob | ArchesJob> {
  /** Starts the next ingest's thread, which takes a tenth of a second, ahead of its job; harmless when repeated. */
  prepare(): void
  /** Ends a thread that was started and got no job. */
  release(): void
}

/** Memory of an ingest thread, in MiB: plenty for a stream of packages, and a bound on what a hostile primary can cost. */
const MAX_HEAP_MB = 256
/** A small young generation keeps the peak low, since nothing of a batch lives long: with 16 it is 30 MB higher, and no faster. */
const MAX_YOUNG_GENERATION_MB = 4

/** Runs ingests in a thread each. One that exceeds its memory fails alone. */
export function createThreadRunner(options: ThreadRunnerOptions): ThreadRunner {
  const { dataDir, processId, maxHeapMb = MAX_HEAP_MB } = options
  const place: ThreadPlace = { dataDir, processId }
  const start = {
    url: new URL(import.meta.resolve('./ingest-thread.ts')),
    workerData: place,
    maxHeapMb,
    maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB,
  }
  let waiting: Worker | undefined
  const run: IngestRunner<IngestJob | ArchesJob> = async (job, { signal, onPackages }) => {
    signal.throwIfAborted()
    const worker = waiting
    waiting = undefined
    let scratchFile: string | undefined
    try {
      return await runWorker<PublishedSnapshot, number>({
        ...start,
        worker,
        message: job,
        doing: 'reading repodata',
        signal,
        onProgress: onPackages,
        onStart: (threadId) => (scratchFile = threadScratchFile(place, threadId)),
      })
    } finally {
      // A thread that was ended from outside could not.
      if (scratchFile !== undefined) await removeFile(scratchFile)
    }
  }
  const prepare = () => {
    if (waiting !== undefined) return
    const worker = startWorker(start)
    waiting = worker
    const forget = () => {
      if (waiting === worker) waiting = undefined
    }
    // Why it could not be started shows when it is needed.
    worker.once('error', forget).once('exit', forget)
  }
  const release = () => {
    void waiting?.terminate()
    waiting = undefined
  }
  return Object.assign(run, { prepare, release })
}

/** The scratch database of an ingest thread: no two threads of a process have one number. */
export function threadScratchFile({ dataDir, processId }: ThreadPlace, threadId: number): string {
  return temporaryPath(createLayout(dataDir), processId, 'ingest', threadId)
}
