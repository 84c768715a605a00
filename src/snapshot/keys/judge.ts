import { LRUCache } from 'lru-cache'

import { digestOf, type Digest } from '../../model/digest.ts'
import { PinyonError } from '../../model/errors.ts'
import type { JudgedKeys } from '../../signature/judge-keys.ts'
import { runWorker } from '../worker-job.ts'
import { startWorker } from '../worker-thread.ts'

/** What the thread is started with. */
export interface JudgeRequest {
  readonly bytes: Uint8Array
  /** Keys that are to be renewed by those. */
  readonly before: Uint8Array | undefined
  readonly nowMs: number
}

/** Keys as they are now, and the fingerprints of others that lay beside them. */
export type RenewedKeys = JudgedKeys & { readonly strangers: readonly string[] }

/** Reads files of keys. Both throw PinyonError SIGNATURE_MALFORMED or KEY_REFUSED. */
export interface Judge {
  judge(bytes: Buffer, nowMs: number): Promise<JudgedKeys>
  renew(before: Buffer, newer: Buffer, nowMs: number): Promise<RenewedKeys>
}

/** Memory of a thread, in MiB: a file of a thousand certifications takes 30. */
const MAX_HEAP_MB = 128
const MAX_YOUNG_GENERATION_MB = 8
/** Keys of distributions take some 30 ms; whoever's take longer is refused. */
const MAX_MS = 10_000
/** Files whose keys are kept in memory, and for how long: what they say of themselves changes with time. */
const KEPT_FILES = 256
const KEPT_MS = 3_600_000

/** Reads files of keys in a thread each, and remembers what it judged for a while. */
export function createJudge(signal: AbortSignal): Judge {
  const kept = new LRUCache<Digest, Promise<JudgedKeys>>({ max: KEPT_FILES, ttl: KEPT_MS })
  return {
    judge: async (bytes, nowMs) => {
      const digest = digestOf(bytes)
      const known = kept.get(digest)
      if (known !== undefined) return await known
      const judged = readInThread({ bytes: new Uint8Array(bytes), before: undefined, nowMs }, signal)
      kept.set(digest, judged)
      // Whether it was the bytes, or that there was no memory for a thread, the next one tries anew.
      judged.catch(() => kept.delete(digest))
      return await judged
    },
    renew: async (before, newer, nowMs) =>
      await readInThread({ bytes: new Uint8Array(newer), before: new Uint8Array(before), nowMs }, signal),
  }
}

async function readInThread(request: JudgeRequest, signal: AbortSignal): Promise<RenewedKeys> {
  const late = new AbortController()
  const reason = new PinyonError('KEY_REFUSED', `reading keys took longer than: ${MAX_MS} ms`)
  const timer = setTimeout(() => late.abort(reason), MAX_MS)
  try {
    return await runWorker<RenewedKeys, never>({
      start: () =>
        startWorker({
          url: new URL(import.meta.resolve('./judge-thread.ts')),
          workerData: request,
          maxHeapMb: MAX_HEAP_MB,
          maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB,
        }),
      doing: 'reading keys',
      signal: AbortSignal.any([signal, late.signal]),
      onProgress: () => undefined,
    })
  } finally {
    clearTimeout(timer)
  }
}
