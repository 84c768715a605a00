import { Worker } from 'node:worker_threads'

import { PinyonError, type ErrorCode } from '../../model/errors.ts'
import type { InjectionJob, InjectionResult } from './injection-job.ts'

/** What the thread says. */
export type InjectMessage =
  | { readonly result: InjectionResult }
  | {
      readonly failure: {
        readonly code: ErrorCode
        readonly message: string
        readonly facts: Readonly<Record<string, unknown>>
      }
    }

/** Up to this size a configuration takes the serving thread a millisecond or two, and no other thread need live for it, in bytes. */
export const INLINE_MAX_BYTES = 8 << 10
/** Jobs that wait beside the one that runs; what they hold is lent by all bodies' memory, and a megabyte takes some hundredths of a second. */
const MAX_WAITING = 64
/** The worst of four megabytes takes two seconds, on an idle machine, and this one may be busy. */
const MAX_MS = 20_000
/** Memory of the thread, in MiB: the worst configurations take two thirds of it. */
const MAX_HEAP_MB = 256
const MAX_YOUNG_GENERATION_MB = 16
/** A thread that has had nothing to do for so long gives its memory back. */
const IDLE_MS = 30_000

/** What a runner is built from; for tests of what its thread may do. */
export interface InjectRunnerOptions {
  readonly thread?: URL
  readonly maxMs?: number
}

interface Waiting {
  readonly job: InjectionJob
  readonly outcome: PromiseWithResolvers<InjectionResult>
}

/**
 * Runs injections: small ones at once, large ones in a thread, one after the other, so that they hold up no request. The thread is started
 * when it is needed; one that exceeds its memory or its time fails the job it has, and the next one gets another.
 */
export class InjectRunner {
  readonly #thread: URL
  readonly #maxMs: number
  readonly #waiting: Waiting[] = []
  #active: Waiting | undefined
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: InjectRunnerOptions = {}) {
    this.#thread = options.thread ?? new URL(import.meta.resolve('./inject-thread.ts'))
    this.#maxMs = options.maxMs ?? MAX_MS
  }

  /**
   * Injects.
   * @throws PinyonError as the rule does (injection-job.ts), TOO_BUSY when too many wait, SHUTTING_DOWN
   */
  async run(job: InjectionJob): Promise<InjectionResult> {
    if (job.bytes.length <= INLINE_MAX_BYTES) {
      // Only now: the rule is twenty-five modules, and many servers are never asked.
      const { runInjection } = await import('./injection-job.ts')
      return runInjection(job)
    }
    if (this.#closed) throw shuttingDown()
    if (this.#waiting.length >= MAX_WAITING)
      throw new PinyonError('TOO_BUSY', `too many large configurations wait already: ${MAX_WAITING}`)
    const outcome = Promise.withResolvers<InjectionResult>()
    this.#waiting.push({ job, outcome })
    this.#startNext()
    return await outcome.promise
  }

  /** Ends what runs and what waits. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { outcome } of this.#waiting.splice(0)) outcome.reject(shuttingDown())
    this.#active?.outcome.reject(shuttingDown())
    this.#active = undefined
    await this.#stopWorker()
  }

  #startNext(): void {
    if (this.#active !== undefined) return
    clearTimeout(this.#idle)
    this.#active = this.#waiting.shift()
    if (this.#active === undefined) {
      this.#idle = setTimeout(() => void this.#stopWorker(), IDLE_MS).unref()
      return
    }
    const worker = (this.#worker ??= this.#startWorker())
    // A thread that works keeps the process alive until it has answered.
    worker.ref()
    const late = new PinyonError('TOO_BUSY', `injecting took longer than is waited for: ${this.#maxMs} ms`)
    const timer = setTimeout(() => this.#giveUp(worker, late), this.#maxMs)
    this.#active.outcome.promise.finally(() => clearTimeout(timer)).catch(() => undefined)
    worker.postMessage(this.#active.job)
  }

  #startWorker(): Worker {
    const worker = new Worker(this.#thread, {
      resourceLimits: {
        maxOldGenerationSizeMb: MAX_HEAP_MB,
        maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB,
      },
    })
    worker.on('message', (message: InjectMessage) => this.#finish(message))
    worker.on('error', (error: Error & { code?: string }) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      const failure = isMemory
        ? new PinyonError(
            'BODY_TOO_LARGE',
            'injecting into this configuration takes more memory than there is for it',
          )
        : new PinyonError('STORE_FAILED', `injecting: ${error.message}`, { cause: error })
      this.#giveUp(worker, failure)
    })
    worker.once('exit', (code) => {
      this.#giveUp(worker, new PinyonError('STORE_FAILED', `the thread that injects ended: ${code}`))
    })
    return worker
  }

  #finish(message: InjectMessage): void {
    const active = this.#active
    this.#active = undefined
    this.#worker?.unref()
    if ('result' in message) active?.outcome.resolve(message.result)
    else {
      const { code, message: text, facts } = message.failure
      active?.outcome.reject(new PinyonError(code, text, facts))
    }
    this.#startNext()
  }

  /** Goes on without a thread that is of no use any more. */
  #giveUp(worker: Worker, failure: PinyonError): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    void worker.terminate()
    const active = this.#active
    this.#active = undefined
    active?.outcome.reject(failure)
    this.#startNext()
  }

  async #stopWorker(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }
}

function shuttingDown(): PinyonError {
  return new PinyonError('SHUTTING_DOWN', 'the server is shutting down')
}
