import type { Worker } from 'node:worker_threads'

import { createLayout, temporaryPath } from '../cache/layout.ts'
import { PinyonError } from '../model/errors.ts'
import { removeFile } from '../system/publish.ts'
import type { ArchesJob } from './arches/ingest-arches.ts'
import type { Growth } from './capture-record.ts'
import type { AheadJob } from './ingest-ahead.ts'
import type { IngestJob } from './ingest.ts'
import type { PublishedSnapshot } from './store.ts'
import { ReadyThread } from './ready-thread.ts'
import { runWorker } from './worker-job.ts'

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
  /** MiB of a thread's heap; what {@link ReadyThread} has unless told. */
  readonly maxHeapMb?: number
  /** Has a thread that was started before anything else: whichever ingest is the first takes it. */
  readonly early?: ReadyThread | undefined
  /** Which jobs run at a time; all that there are unless told. */
  readonly inTurn?: InTurn
}

/** What a thread is told first; then it is sent its job. */
export type ThreadPlace = Pick<ThreadRunnerOptions, 'dataDir' | 'processId'>

/** Runs ingests in a thread each. */
export interface ThreadRunner extends IngestRunner<IngestJob | ArchesJob> {
  /** Starts the next ingest's thread, which takes a tenth of a second, ahead of its job; harmless when repeated. */
  prepare(): void
  /**
   * Has the thread that was started before anything else read a primary while it is fetched; any other is left to its job. For one primary,
   * whose job is then run here, or none.
   * @returns to be told how it grows; undefined where nobody reads
   */
  readAhead(ahead: AheadJob): ((growth: Growth) => void) | undefined
  /** Ends a thread that was started and got no job. */
  release(): void
}

/** Runs ingests in a thread each. One that exceeds its memory fails alone. */
export function createThreadRunner(options: ThreadRunnerOptions): ThreadRunner {
  const { dataDir, processId, maxHeapMb, early, inTurn = (work) => work() } = options
  const place: ThreadPlace = { dataDir, processId }
  const ready = new ReadyThread(maxHeapMb)
  const release = () => ready.release()
  let first: Worker | undefined
  const prepare = () => {
    if (ready.isStarted) return
    first = early?.take()
    ready.start(first).postMessage(place)
  }
  // Of those a process has one, so that no more read at a time than have their turn, and that one.
  const readAhead = (ahead: AheadJob) => {
    const worker = first
    first = undefined
    if (worker === undefined || !ready.isStarted) return undefined
    const scratchFile = threadScratchFile(place, worker.threadId)
    // It may be ended without a job.
    worker.once('exit', () => void removeFile(scratchFile).catch(() => undefined))
    worker.postMessage(ahead)
    return (growth: Growth) => worker.postMessage(growth)
  }
  const runNow: IngestRunner<IngestJob | ArchesJob> = async (job, { signal, onPackages }) => {
    signal.throwIfAborted()
    prepare()
    const worker = ready.take()
    if (worker === undefined) throw new PinyonError('STORE_FAILED', 'no thread could be started')
    const scratchFile = threadScratchFile(place, worker.threadId)
    try {
      return await runWorker<PublishedSnapshot, number>({
        start: () => worker,
        message: job,
        doing: 'reading repodata',
        signal,
        onProgress: onPackages,
      })
    } finally {
      // A thread that was ended from outside could not.
      await removeFile(scratchFile)
    }
  }
  const run: IngestRunner<IngestJob | ArchesJob> = (job, jobOptions) => inTurn(() => runNow(job, jobOptions))
  return Object.assign(run, { prepare, readAhead, release })
}

/** The scratch database of an ingest thread: no two threads of a process have one number. */
export function threadScratchFile({ dataDir, processId }: ThreadPlace, threadId: number): string {
  return temporaryPath(createLayout(dataDir), processId, 'ingest', threadId)
}
