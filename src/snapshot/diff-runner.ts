import { Worker } from 'node:worker_threads'

import { LRUCache } from 'lru-cache'
import pLimit, { type LimitFunction } from 'p-limit'

import type { Digest } from '../model/digest.ts'
import { PinyonError, type ErrorCode } from '../model/errors.ts'
import type { SnapshotPair } from './snapshot-diff.ts'

/** A diff as the API answers it. */
export interface DiffDocument {
  /** JSON: see diff-document.ts. */
  readonly body: Buffer
  readonly digest: Digest
}

/** What the thread is started with. */
export interface DiffRequest extends SnapshotPair {
  readonly dataDir: string
}

/** What the thread says. */
export type DiffMessage =
  | { readonly body: Uint8Array; readonly digest: Digest }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } }

/** Memory of a thread, in MiB: a hundred thousand packages that all differ take half of it; with a larger young generation, twice that. */
const MAX_HEAP_MB = 512
const MAX_YOUNG_GENERATION_MB = 4
/** Two of the largest updateinfo.xml.bz2 take some ten seconds; who asks for what takes longer is refused. */
const MAX_MS = 120_000
/** Bytes of answers that are kept: people go back and forth between a few. */
const KEPT_BYTES = 8 << 20

/**
 * Compares snapshots in a thread, so that reading what differs, uncompressing advisories and writing the answer hold up no request. One
 * at a time: whoever asks for many waits, and the rest of the machine is for downloads.
 */
export class DiffRunner {
  readonly #dataDir: string
  readonly #limit: LimitFunction = pLimit(1)
  readonly #stop = new AbortController()
  readonly #running = new Map<string, Promise<DiffDocument>>()
  /** Snapshots do not change, and whoever asks has looked whether they are still there. */
  readonly #kept = new LRUCache<string, DiffDocument>({
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ body }) => body.length + 256,
  })

  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  /**
   * Compares two snapshots of a mirror.
   * @throws PinyonError NOT_FOUND when one is gone, SHUTTING_DOWN, STORE_FAILED
   */
  async diff(pair: SnapshotPair): Promise<DiffDocument> {
    const key = JSON.stringify([pair.mirror, pair.from, pair.to])
    const known = this.#kept.get(key) ?? this.#running.get(key)
    if (known !== undefined) return await known
    const running = this.#limit(() => this.#run(pair))
    this.#running.set(key, running)
    try {
      const document = await running
      this.#kept.set(key, document)
      return document
    } finally {
      this.#running.delete(key)
    }
  }

  /** Ends what runs. */
  close(): void {
    this.#stop.abort(new PinyonError('SHUTTING_DOWN', 'the server is shutting down'))
  }

  async #run({ mirror, from, to }: SnapshotPair): Promise<DiffDocument> {
    const { signal } = this.#stop
    signal.throwIfAborted()
    const workerData: DiffRequest = { dataDir: this.#dataDir, mirror, from, to }
    const worker = new Worker(new URL(import.meta.resolve('./diff-thread.ts')), {
      workerData,
      resourceLimits: {
        maxOldGenerationSizeMb: MAX_HEAP_MB,
        maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB,
      },
    })
    const stop = () => void worker.terminate()
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
}

/** Settles when the thread has ended, however it did. */
function resultOf(worker: Worker): Promise<DiffDocument> {
  let failure = new PinyonError('STORE_FAILED', 'comparing snapshots took too long')
  let document: DiffDocument | undefined
  worker.on('message', (message: DiffMessage) => {
    if ('failure' in message) failure = new PinyonError(message.failure.code, message.failure.message)
    else document = { body: Buffer.from(message.body.buffer), digest: message.digest }
  })
  worker.on('error', (error) => {
    failure = new PinyonError('STORE_FAILED', `comparing snapshots: ${error.message}`, { cause: error })
  })
  return new Promise((resolve, reject) => {
    worker.once('exit', () => (document === undefined ? reject(failure) : resolve(document)))
  })
}
