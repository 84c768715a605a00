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

/** Runs something when its turn has come. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/** Where threads work and what they are allowed. */
export interface ThreadRunnerOptions {
  readonly dataDir: string
  /** Names this process in temporary files: see {@link Claims}. */
  readonly processId: string
  /** MiB of a thread's heap; 256 unless told. */
  readonly maxHeapMb?: number
  /** Which jobs run at a time; all that there are unless told. */
  readonly inTurn?: InTurn
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
/** A thread that is ready and gets no job for so long is ended: its memory is for a capture that goes on as captures do, in milliseconds. */
const READY_MS = 20_000

/** Runs ingests in a thread each. One that exceeds its memory fails alone. */
export function createThreadRunner(options: ThreadRunnerOptions): ThreadRunner {
  const { dataDir, processId, maxHeapMb = MAX_HEAP_MB, inTurn = (work) => work() } = options
  const place: ThreadPlace = { dataDir, processId }
  const start = {
    url: new URL(import.meta.resolve('./ingest-thread.ts')),
    workerData: place,
    maxHeapMb,
    maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB,
  }
  let waiting: Worker | undefined
  let readyTimer: NodeJS.Timeout | undefined
  const takeWaiting = () => {
    clearTimeout(readyTimer)
    const worker = waiting
    waiting = undefined
    return worker
  }
  const runNow: IngestRunner<IngestJob | ArchesJob> = async (job, { signal, onPackages }) => {
    signal.throwIfAborted()
    const worker = takeWaiting()
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
  const run: IngestRunner<IngestJob | ArchesJob> = (job, jobOptions) => inTurn(() => runNow(job, jobOptions))
  const release = () => void takeWaiting()?.terminate()
  const prepare = () => {
    if (waiting !== undefined) return
    const worker = startWorker(start)
    waiting = worker
    const forget = () => {
      if (waiting === worker) waiting = undefined
    }
    // Why it could not be started shows when it is needed.
    worker.once('error', forget).once('exit', forget)
    readyTimer = setTimeout(release, READY_MS).unref()
  }
  return Object.assign(run, { prepare, release })
}

/** The scratch database of an ingest thread: no two threads of a process have one number. */
export function threadScratchFile({ dataDir, processId }: ThreadPlace, threadId: number): string {
  return temporaryPath(createLayout(dataDir), processId, 'ingest', threadId)
}
