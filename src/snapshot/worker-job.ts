import type { Worker } from 'node:worker_threads'

import { PinyonError, type ErrorCode } from '../model/errors.ts'
import { endWorker } from './worker-thread.ts'

/** What a thread of ours says. */
export type WorkerMessage<Result, Progress> =
  | { readonly progress: Progress }
  | { readonly result: Result }
  | { readonly failure: { code: ErrorCode; message: string; facts: Record<string, unknown> } }

/** A thread to run. */
export interface WorkerJob<Progress> {
  /** Gives it. */
  readonly start: () => Worker
  /** Sent to it, where it waits for something. */
  readonly message?: unknown
  /** What it does, for the error of one that ends without a word. */
  readonly doing: string
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

/** Runs a thread and settles when it has ended, however it did. One that exceeds its memory fails alone. */
export async function runWorker<Result, Progress>(job: WorkerJob<Progress>): Promise<Result> {
  const { signal } = job
  signal.throwIfAborted()
  const worker = job.start()
  if (job.message !== undefined) worker.postMessage(job.message)
  const stop = () => void endWorker(worker)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await resultOf<Result, Progress>(worker, job)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function resultOf<Result, Progress>(worker: Worker, job: WorkerJob<Progress>): Promise<Result> {
  let failure = new PinyonError('STORE_FAILED', `the thread ${job.doing} ended without a result`)
  let ended: { readonly result: Result } | undefined
  worker.on('message', (message: WorkerMessage<Result, Progress>) => {
    if ('progress' in message) job.onProgress(message.progress)
    else if ('result' in message) ended = message
    else failure = new PinyonError(message.failure.code, message.failure.message, message.failure.facts)
  })
  worker.on('error', (error) => {
    failure = new PinyonError('STORE_FAILED', `${job.doing}: ${error.message}`, { cause: error })
  })
  return new Promise((resolve, reject) => {
    worker.once('exit', () => (ended === undefined ? reject(failure) : resolve(ended.result)))
  })
}
