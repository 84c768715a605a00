import type { Worker } from 'node:worker_threads'

import { endWorker, startWorker } from './worker-thread.ts'

/** Memory of an ingest thread, in MiB: plenty for a stream of packages, and a bound on what a hostile primary can cost. */
const MAX_HEAP_MB = 256
/** A small young generation keeps the peak low, since nothing of a batch lives long: with 24 it is 10 MB higher than with 12, and no faster. */
const MAX_YOUNG_GENERATION_MB = 12
/** A thread that is ready and gets no job for so long is ended: its memory is for a capture that goes on as captures do, in milliseconds. */
const READY_MS = 20_000

/** A thread for an ingest that is likely to come, started ahead of it: that takes a tenth of a second. It keeps no process from its end. */
export class ReadyThread {
  readonly #maxHeapMb: number
  #worker: Worker | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param maxHeapMb MiB of its heap; 256 unless told */
  constructor(maxHeapMb = MAX_HEAP_MB) {
    this.#maxHeapMb = maxHeapMb
  }

  /** Whether there is one. */
  get isStarted(): boolean {
    return this.#worker !== undefined
  }

  /** Starts it; or takes one that somebody else has started. There must be none. */
  start(worker = startIngestThread(this.#maxHeapMb)): Worker {
    this.#worker = worker
    worker.unref()
    const forget = () => {
      if (this.#worker === worker) this.#worker = undefined
    }
    // Why it could not be started shows when it is needed.
    worker.once('error', forget).once('exit', forget)
    this.#timer = setTimeout(() => this.release(), READY_MS).unref()
    return worker
  }

  /** Gives it away, to whoever sees to its end from here on; undefined when there is none. */
  take(): Worker | undefined {
    clearTimeout(this.#timer)
    const worker = this.#worker
    this.#worker = undefined
    worker?.ref()
    return worker
  }

  /** Ends it; harmless when there is none. */
  release(): void {
    const worker = this.take()
    if (worker !== undefined) void endWorker(worker)
  }
}

/** Starts a thread, which is told first where it works, then its job: until it is run, whoever does so sees to its `error` and its end. */
function startIngestThread(maxHeapMb: number): Worker {
  const url = new URL(import.meta.resolve('./ingest-thread.ts'))
  return startWorker({ url, workerData: undefined, maxHeapMb, maxYoungGenerationMb: MAX_YOUNG_GENERATION_MB })
}
