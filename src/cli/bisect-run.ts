import { spawn } from 'node:child_process'

import type { Verdict } from './bisect-search.ts'

/** Exit code of a command that can say nothing of this snapshot, as for git bisect. */
const SKIP = 125
/** Codes from here on are of a signal, or of a shell that could not go on. */
const FIRST_FAILURE = 128
/** How long a command that is told to stop may take to do so, in milliseconds. */
const STOP_MS = 5_000

/** How a run ended. `stopped` is no verdict: the command was killed, by a signal or with us. */
export interface RunResult {
  readonly verdict: Verdict | 'stopped'
  /** Undefined when a signal ended it. */
  readonly exit: number | undefined
  readonly signal: NodeJS.Signals | undefined
}

/**
 * Runs a shell command to its end; its output goes to our standard error. When the signal aborts, the command and all that it started are
 * told to stop, and killed when they do not.
 */
export async function runCommand(
  command: string,
  environment: Readonly<Record<string, string>>,
  abort: AbortSignal,
): Promise<RunResult> {
  if (abort.aborted) return { verdict: 'stopped', exit: undefined, signal: undefined }
  const child = spawn('sh', ['-c', command], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 2, 2],
    // A process group of its own, so that what the shell started can be stopped with it.
    detached: true,
  })
  let killer: NodeJS.Timeout | undefined
  const kill = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch {
      // All of it has ended already.
    }
  }
  const stop = () => {
    kill('SIGTERM')
    killer = setTimeout(() => kill('SIGKILL'), STOP_MS)
  }
  abort.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (exit, signal) => resolve(judge(exit, signal, abort.aborted)))
    })
  } finally {
    clearTimeout(killer)
    if (abort.aborted) kill('SIGKILL')
    abort.removeEventListener('abort', stop)
  }
}

function judge(code: number | null, signal: NodeJS.Signals | null, aborted: boolean): RunResult {
  const ended = { exit: code ?? undefined, signal: signal ?? undefined }
  if (aborted || code === null || code >= FIRST_FAILURE) return { verdict: 'stopped', ...ended }
  return { verdict: code === 0 ? 'good' : code === SKIP ? 'skip' : 'bad', ...ended }
}
