import { Worker } from 'node:worker_threads'

import { PinyonError, type ErrorCode } from '../model/errors.ts'
import type { IngestJob } from './ingest.ts'
import type { PublishedSnapshot } from './store.ts'

/** Runs an ingest somewhere. */
export type IngestRunner = (
  job: IngestJob,
  options: { signal: AbortSignal; onPackages: (count: number) => void },
) => Promise<PublishedSnapshot>

/** What the thread is started with. */
export interface ThreadRequest {
  readonly dataDir: string
  readonly processId: string
  readonly serial: number
  readonly job: IngestJob
}

/** What the thread says. */
export type ThreadMessage =
  | { readonly packages: number }
  | { readonly published: PublishedSnapshot }
  | { readonly failure: { code: ErrorCode; message: string; facts: Record<string, unknown> } }

/**
 * Memory of an ingest thread, in MiB: plenty for a stream of packages, and a bound on what a hostile primary can cost. A small
 * young generation keeps the peak low, since nothing of a batch lives long.
 */
const MEMORY = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 }

/** Runs ingests in a thread each. One that exceeds its memory fails alone. */
export function createThreadRunner(options: { dataDir: string; processId: string }): IngestRunner {
  let serial = 0
  return (job, { signal, onPackages }) => {
    serial += 1
    const request: ThreadRequest = { ...options, serial, job }
    const worker = new Worker(new URL(import.meta.resolve('./ingest-thread.ts')), {
      workerData: request,
      resourceLimits: MEMORY,
    })
    return new Promise((resolve, reject) => {
      const abort = () => {
        reject(new PinyonError('SHUTTING_DOWN', 'the server is shutting down'))
        void worker.terminate()
      }
      signal.addEventListener('abort', abort, { once: true })
      worker.on('message', (message: ThreadMessage) => {
        if ('packages' in message) onPackages(message.packages)
        else if ('published' in message) resolve(message.published)
        else reject(new PinyonError(message.failure.code, message.failure.message, message.failure.facts))
      })
      worker.on('error', (error) =>
        reject(new PinyonError('STORE_FAILED', `reading repodata: ${error.message}`, { cause: error })),
      )
      worker.on('exit', () => {
        signal.removeEventListener('abort', abort)
        reject(new PinyonError('STORE_FAILED', 'the thread reading repodata ended without a result'))
      })
    })
  }
}
