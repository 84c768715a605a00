import { PinyonError } from '../../model/errors.ts'
import { runWorker } from '../worker-job.ts'
import { startWorker } from '../worker-thread.ts'
import type { SoleBytes, SoleRequest } from './sole-bytes.ts'

/** Memory of a thread, in MiB: of blobs, some hundred bytes each. */
const MAX_HEAP_MB = 512
const MAX_YOUNG_GENERATION_MB = 4
/** Nobody waits longer than so many milliseconds from its beginning, and sees it the next time where it takes longer. */
const PATIENCE_MS = 2_000
/** What was found counts for so many times as long as finding it took: people leave pages open, and it is to cost a part of a core at most. */
const KEPT_TIMES = 20

/** The bytes that each view, or mirror, holds alone, by name; none of those that hold none so. Undefined while that is not known. */
export type SoleSource = (of: SoleRequest['of']) => Promise<ReadonlyMap<string, number> | undefined>

interface Found {
  readonly bytes: Promise<ReadonlyMap<string, number> | undefined>
  /** As performance.now() gives it, as below. */
  readonly startedAt: number
  /** Endless while it is being found. */
  goodUntil: number
}

/** Finds what views and mirrors hold alone in a thread: a pass over all packages would hold up every request. One at a time of each. */
export class SoleRunner {
  readonly #find: (of: SoleRequest['of'], signal: AbortSignal) => Promise<SoleBytes>
  readonly #patienceMs: number
  readonly #stop = new AbortController()
  readonly #found = new Map<SoleRequest['of'], Found>()
  readonly #running = new Set<Promise<unknown>>()

  /** @param find does the work: see {@link findInThread} */
  constructor(
    find: (of: SoleRequest['of'], signal: AbortSignal) => Promise<SoleBytes>,
    { patienceMs = PATIENCE_MS } = {},
  ) {
    this.#find = find
    this.#patienceMs = patienceMs
  }

  /** What is known, or soon is; undefined otherwise, and where it cannot be found. */
  readonly ask: SoleSource = async (of) => {
    const known = this.#found.get(of)
    const now = performance.now()
    const { bytes, startedAt } = known !== undefined && now < known.goodUntil ? known : this.#begin(of)
    const late = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => late.resolve(undefined), Math.max(0, startedAt + this.#patienceMs - now))
    try {
      return await Promise.race([bytes, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends what runs, and resolves then. */
  async close(): Promise<void> {
    this.#stop.abort(new PinyonError('SHUTTING_DOWN', 'the server is shutting down'))
    await Promise.all(this.#running)
  }

  #begin(of: SoleRequest['of']): Found {
    const startedAt = performance.now()
    const bytes = this.#find(of, this.#stop.signal).then(
      (found) => new Map(found),
      () => undefined,
    )
    const found = { bytes, startedAt, goodUntil: Infinity }
    this.#found.set(of, found)
    const ended = bytes.then(() => {
      const now = performance.now()
      found.goodUntil = now + KEPT_TIMES * (now - startedAt)
      this.#running.delete(ended)
    })
    this.#running.add(ended)
    return found
  }
}

/** Finds it in a thread. */
export async function findInThread(
  dataDir: string,
  request: SoleRequest,
  signal: AbortSignal,
): Promise<SoleBytes> {
  return await runWorker<SoleBytes, never>({
    start: () =>
      startWorker({
        url: new URL(import.meta.resolve('./sole-thread.ts')),
        workerData: { dataDir, ...request },
        maxHeapMb: MAX_HEAP_MB,
        maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB,
      }),
    doing: 'finding what views and mirrors hold alone',
    signal,
    onProgress: () => undefined,
  })
}
