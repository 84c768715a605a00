import { Worker } from 'node:worker_threads'

import { createLayout, temporaryPath } from '../cache/layout.ts'
import { PinyonError, type ErrorCode } from '../model/errors.ts'
import { removeFile } from '../system/publish.ts'
import type { IngestJob } from './ingest.ts'
import type { PublishedSnapshot } from './store.ts'

/** Runs an ingest somewhere. When it settles, nothing of the ingest runs on. */
export type IngestRunner = (
  job: IngestJob,
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
  readonly job: IngestJob
}

/** What the thread says. */
export type ThreadMessage =
  | { readonly packages: number }
  | { readonly published: PublishedSnapshot }
  | { readonly failure: { code: ErrorCode; message: string; facts: Record<string, unknown> } }

/** Memory of an ingest thread, in MiB: plenty for a stream of packages, and a bound on what a hostile primary can cost. */
const MAX_HEAP_MB = 256
/** A small young generation keeps the peak low, since nothing of a batch lives long: with 16 it is 30 MB higher, and no faster. */
const MAX_YOUNG_GENERATION_MB = 4

/** Runs ingests in a thread each. One that exceeds its memory fails alone. */
export function createThreadRunner(options: ThreadRunnerOptions): IngestRunner {
  const { dataDir, processId, maxHeapMb = MAX_HEAP_MB } = options
  return async (job, { signal, onPackages }) => {
    signal.throwIfAborted()
    const request: ThreadRequest = { dataDir, processId, job }
    const worker = new Worker(new URL(import.meta.resolve('./ingest-thread.ts')), {
      workerData: request,
      resourceLimits: {
        maxOldGenerationSizeMb: maxHeapMb,
        maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB,
      },
    })
    const scratchFile = threadScratchFile(request, worker.threadId)
    const stop = () => void worker.terminate()
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await resultOf(worker, onPackages)
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
      // A thread that was ended from outside could not.
      await removeFile(scratchFile)
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

/** Settles when the thread has ended, however it did. */
function resultOf(worker: Worker, onPackages: (count: number) => void): Promise<PublishedSnapshot> {
  let failure = new PinyonError('STORE_FAILED', 'the thread reading repodata ended without a result')
  let published: PublishedSnapshot | undefined
  worker.on('message', (message: ThreadMessage) => {
    if ('packages' in message) onPackages(message.packages)
    else if ('published' in message) ({ published } = message)
    else failure = new PinyonError(message.failure.code, message.failure.message, message.failure.facts)
  })
  worker.on('error', (error) => {
    failure = new PinyonError('STORE_FAILED', `reading repodata: ${error.message}`, { cause: error })
  })
  return new Promise((resolve, reject) => {
    worker.once('exit', () => (published === undefined ? reject(failure) : resolve(published)))
  })
}
