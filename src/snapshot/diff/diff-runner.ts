import type { Worker } from 'node:worker_threads'

import { LRUCache } from 'lru-cache'

import type { Digest } from '../../model/digest.ts'
import { PinyonError, type ErrorCode } from '../../model/errors.ts'
import { endWorker, startWorker } from '../worker-thread.ts'
import type { DiffView } from './diff-document.ts'
import type { SnapshotPair } from './snapshot-diff.ts'

/** A diff as the API answers it. */
export interface DiffDocument {
  /** JSON: see diff-document.ts. */
  readonly body: Buffer
  readonly digest: Digest
  /** The beginning of each list, for a page. */
  readonly excerpt: DiffView
}

/** What the thread is started with. */
export interface DiffRequest extends SnapshotPair {
  readonly dataDir: string
}

/** What the thread says. */
export type DiffMessage =
  | { readonly body: Uint8Array; readonly digest: Digest; readonly excerpt: DiffView }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } }

/** Memory of a thread, in MiB: a hundred thousand packages that all differ take half of it; with a larger young generation, twice that. */
const MAX_HEAP_MB = 512
const MAX_YOUNG_GENERATION_MB = 4
/** Two of the largest updateinfo.xml.bz2 take some ten seconds; who asks for what takes longer is refused. */
const MAX_MS = 120_000
/** Bytes of answers that are kept: people go back and forth between a few. */
const KEPT_BYTES = 8 << 20
/** What an excerpt takes, about, at most. */
const EXCERPT_BYTES = 400_000
/** Anybody may ask, and each costs up to seconds of a processor: so many wait beside the one that runs. */
const MAX_WAITING = 16

/** Compares two snapshots; rejects, having stopped, when the signal says so. */
type Compare = (pair: SnapshotPair, signal: AbortSignal) => Promise<DiffDocument>

/** A comparison that somebody waits for. */
interface Job {
  readonly key: string
  readonly pair: SnapshotPair
  readonly outcome: PromiseWithResolvers<DiffDocument>
  readonly stop: AbortController
  waiters: number
}

/**
 * Compares snapshots in a thread, so that reading what differs, uncompressing advisories and writing the answer hold up no request. One
 * at a time: whoever asks for many waits, up to a number of them, and the rest of the machine is for downloads. What nobody waits for any
 * more ends.
 */
export class DiffRunner {
  readonly #compare: Compare
  readonly #stop = new AbortController()
  /** The one that runs and those that wait, in the order of their coming. */
  readonly #jobs = new Map<string, Job>()
  #active: Job | undefined
  /** Snapshots do not change, and whoever asks has looked whether they are still there. */
  readonly #kept = new LRUCache<string, DiffDocument>({
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ body }) => body.length + Math.min(body.length, EXCERPT_BYTES) + 256,
  })

  /** @param compare does the work; in a thread unless told */
  constructor(dataDir: string, compare: Compare = (pair, signal) => compareInThread(dataDir, pair, signal)) {
    this.#compare = compare
  }

  /**
   * Compares two snapshots of a mirror.
   * @param signal says that whoever asked has gone
   * @throws PinyonError NOT_FOUND when one is gone, TOO_BUSY when too many wait, SHUTTING_DOWN, STORE_FAILED
   */
  async diff(pair: SnapshotPair, signal?: AbortSignal): Promise<DiffDocument> {
    const key = JSON.stringify([pair.mirror, pair.from, pair.to])
    const kept = this.#kept.get(key)
    if (kept !== undefined) return kept
    signal?.throwIfAborted()
    const job = this.#jobs.get(key) ?? this.#enqueue(key, pair)
    job.waiters += 1
    const leave = () => this.#leave(job)
    signal?.addEventListener('abort', leave, { once: true })
    try {
      return await job.outcome.promise
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

  /** Ends what runs. */
  close(): void {
    this.#stop.abort(new PinyonError('SHUTTING_DOWN', 'the server is shutting down'))
  }

  #enqueue(key: string, pair: SnapshotPair): Job {
    if (this.#jobs.size > MAX_WAITING)
      throw new PinyonError('TOO_BUSY', `too many comparisons of snapshots wait already: ${MAX_WAITING}`)
    const outcome = Promise.withResolvers<DiffDocument>()
    // The last one who waited may have gone.
    outcome.promise.catch(() => undefined)
    const job = { key, pair, outcome, stop: new AbortController(), waiters: 0 }
    this.#jobs.set(key, job)
    this.#startNext()
    return job
  }

  #startNext(): void {
    const [next] = this.#jobs.values()
    if (this.#active !== undefined || next === undefined) return
    this.#active = next
    void this.#run(next)
  }

  async #run(job: Job): Promise<void> {
    const { key, pair, outcome, stop } = job
    try {
      const signal = AbortSignal.any([this.#stop.signal, stop.signal])
      signal.throwIfAborted()
      const document = await this.#compare(pair, signal)
      this.#kept.set(key, document)
      outcome.resolve(document)
    } catch (error) {
      outcome.reject(error)
    } finally {
      this.#forget(job)
      this.#active = undefined
      this.#startNext()
    }
  }

  #leave(job: Job): void {
    job.waiters -= 1
    if (job.waiters > 0) return
    this.#forget(job)
    const gone = new PinyonError('STORE_FAILED', 'nobody waits for this comparison any more')
    job.stop.abort(gone)
    if (job !== this.#active) job.outcome.reject(gone)
  }

  /** Whoever comes now begins another one. */
  #forget(job: Job): void {
    if (this.#jobs.get(job.key) === job) this.#jobs.delete(job.key)
  }
}

async function compareInThread(
  dataDir: string,
  { mirror, from, to }: SnapshotPair,
  signal: AbortSignal,
): Promise<DiffDocument> {
  const workerData: DiffRequest = { dataDir, mirror, from, to }
  const worker = startWorker({
    url: new URL(import.meta.resolve('./diff-thread.ts')),
    workerData,
    maxHeapMb: MAX_HEAP_MB,
    maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB,
  })
  const stop = () => void endWorker(worker)
  const timer = setTimeout(stop, MAX_MS)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await resultOf(worker)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

/** Settles when the thread has ended, however it did. */
function resultOf(worker: Worker): Promise<DiffDocument> {
  let failure = new PinyonError('STORE_FAILED', 'comparing snapshots took too long')
  let document: DiffDocument | undefined
  worker.on('message', (message: DiffMessage) => {
    if ('failure' in message) failure = new PinyonError(message.failure.code, message.failure.message)
    else {
      const { body, digest, excerpt } = message
      document = { body: Buffer.from(body.buffer), digest, excerpt }
    }
  })
  worker.on('error', (error) => {
    failure = new PinyonError('STORE_FAILED', `comparing snapshots: ${error.message}`, { cause: error })
  })
  return new Promise((resolve, reject) => {
    worker.once('exit', () => (document === undefined ? reject(failure) : resolve(document)))
  })
}
