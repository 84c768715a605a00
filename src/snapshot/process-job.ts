import { fork, type ChildProcess } from 'node:child_process'

import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { WorkerMessage } from './worker-job.ts'

/** A process to run: what it is told is its first message, what it says are {@link WorkerMessage}s. */
export interface ProcessJob<Progress> {
  /** The module it runs; see {@link answerJob}. */
  readonly url: URL
  readonly task: object
  /** What it does, for the errors of one that cannot be started, or ends without a word. */
  readonly doing: string
  readonly maxHeapMb: number
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

/**
 * Runs a process and settles when it has ended, however it did. As against a thread, the memory that it takes is the system's again
 * afterwards, and it is ended by nothing that is wrong with its own.
 */
export async function runProcess<Result, Progress>(job: ProcessJob<Progress>): Promise<Result> {
  const { signal, url, maxHeapMb, task } = job
  signal.throwIfAborted()
  const child = fork(url, {
    execArgv: [`--max-old-space-size=${maxHeapMb}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const stop = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  try {
    // Listened to before anything is sent: a process that could not be started says so at once, or has no channel.
    const result = resultOf<Result, Progress>(child, job)
    if (child.pid !== undefined) child.send(task)
    return await result
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/**
 * The other side: does what the first message says, and ends. Whoever asked may go meanwhile: what was done stays done.
 * @param work is given what it is told, and what tells of progress
 */
export function answerJob(work: (task: never, tell: (progress: unknown) => void) => Promise<unknown>): void {
  const answer = async (task: unknown) => {
    try {
      await send({ result: await work(task as never, (progress) => void send({ progress })) })
    } catch (error) {
      const { code, message, facts } = toPinyonError(error)
      const plain = JSON.parse(JSON.stringify(facts)) as Record<string, unknown>
      await send({ failure: { code, message, facts: plain } })
    }
  }
  process.once('message', (task) => void answer(task).finally(() => process.disconnect()))
  process.once('disconnect', () => process.exit())
}

/** Resolves when it is written, and so all that was sent before. A server that is busy reads late, and what waits for it ends with the channel. */
function send(message: WorkerMessage<unknown, unknown>): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, undefined, undefined, () => resolve())
  })
}

function resultOf<Result, Progress>(
  child: ChildProcess,
  { doing, onProgress }: ProcessJob<Progress>,
): Promise<Result> {
  let failure = new PinyonError('STORE_FAILED', `the process ${doing} ended without a result`)
  let ended: { readonly result: Result } | undefined
  child.on('message', (sent) => {
    const message = sent as WorkerMessage<Result, Progress>
    if ('progress' in message) onProgress(message.progress)
    else if ('result' in message) ended = message
    else failure = new PinyonError(message.failure.code, message.failure.message, message.failure.facts)
  })
  child.on('error', (error) => {
    // As the shortage that it may be: no more files, no space.
    const { code } = toPinyonError(error)
    failure = new PinyonError(code, `${doing}: ${error.message}`, { cause: error })
  })
  return new Promise((resolve, reject) => {
    const end = () => (ended === undefined ? reject(failure) : resolve(ended.result))
    // A process may be gone before what it sent is read: that is so when its channel has ended as well.
    let left = 2
    const endPart = () => (left -= 1) === 0 && end()
    child.once('exit', endPart)
    child.once('disconnect', endPart)
    // One that could not be started has no exit.
    child.once('error', () => child.pid === undefined && end())
  })
}
