import { fork, type ChildProcess } from 'node:child_process'

import type { Digest } from '../../model/digest.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import type { GcRequest } from './gc-context.ts'
import type { GcReport } from './gc-report.ts'
import type { WorkerMessage } from '../worker-job.ts'

/** Runs a collection somewhere. When it settles, nothing of it runs on. */
export type GcRunner = (request: GcRequest, options: GcRunOptions) => Promise<GcReport>

/** Who stops a collection, and who is told of it. */
export interface GcRunOptions {
  readonly signal: AbortSignal
  /** Told of blobs that are gone. */
  readonly onRemoved: (digests: readonly Digest[]) => void
  /** Told what is decided, when it takes long to do: see {@link GcRequest.answerAfterMs}. */
  readonly onDecided: (report: GcReport) => void
}

/** What the process says on its way. */
export type GcProgress = { readonly removed: readonly Digest[] } | { readonly decided: GcReport }

/** What the process is told. */
export interface GcTask {
  readonly dataDir: string
  /** Names the server's process in temporary files: they are swept when that is gone. */
  readonly processId: string
  readonly request: GcRequest
}

/** Memory of a collection, in MiB: lists of a few hundred thousand blobs at the most. */
const MAX_HEAP_MB = 512

/**
 * Runs collections in a process each: none holds up a request, and the memory that going through a whole farm takes is the system's again
 * afterwards. In a thread the same work takes twice as long, since its memory is of an arena that grows piece by piece.
 */
export function createGcRunner(place: Omit<GcTask, 'request'>): GcRunner {
  return async (request, options) => {
    const { signal } = options
    signal.throwIfAborted()
    const child = fork(new URL(import.meta.resolve('./gc-process.ts')), {
      execArgv: [`--max-old-space-size=${MAX_HEAP_MB}`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const stop = () => void child.kill('SIGKILL')
    signal.addEventListener('abort', stop, { once: true })
    try {
      // Listened to before anything is sent: a process that could not be started says so at once, or has no channel.
      const result = resultOf(child, options)
      if (child.pid !== undefined) child.send({ ...place, request } satisfies GcTask)
      return await result
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}

function resultOf(child: ChildProcess, { onRemoved, onDecided }: GcRunOptions): Promise<GcReport> {
  let failure = new PinyonError('STORE_FAILED', 'the process collecting garbage ended without a result')
  let report: GcReport | undefined
  child.on('message', (sent) => {
    const message = sent as WorkerMessage<GcReport, GcProgress>
    if ('progress' in message) {
      if ('removed' in message.progress) onRemoved(message.progress.removed)
      else onDecided(message.progress.decided)
    }
    if ('result' in message) report = message.result
    if ('failure' in message)
      failure = new PinyonError(message.failure.code, message.failure.message, message.failure.facts)
  })
  child.on('error', (error) => {
    // As the shortage that it may be: no more files, no space.
    const { code } = toPinyonError(error)
    failure = new PinyonError(code, `collecting garbage: ${error.message}`, { cause: error })
  })
  return new Promise((resolve, reject) => {
    const end = () => (report === undefined ? reject(failure) : resolve(report))
    // A process may be gone before what it sent is read: that is so when its channel has ended as well.
    let left = 2
    const endPart = () => (left -= 1) === 0 && end()
    child.once('exit', endPart)
    child.once('disconnect', endPart)
    // One that could not be started has no exit.
    child.once('error', () => child.pid === undefined && end())
  })
}
