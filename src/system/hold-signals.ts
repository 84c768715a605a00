import { setImmediate } from 'node:timers/promises'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Does what must not end half done: a signal that would end the process meanwhile does so once the work is done, or undone.
 *
 * @param work is told by its argument that such a signal has come, and may give up
 */
export async function holdSignals<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  let came: NodeJS.Signals | undefined
  const hold = (signal: NodeJS.Signals) => {
    came ??= signal
    stop.abort()
  }
  for (const signal of SIGNALS) process.on(signal, hold)
  try {
    return await work(stop.signal)
  } finally {
    // One that has come already is told of in the event loop's next turn.
    await setImmediate()
    for (const signal of SIGNALS) process.off(signal, hold)
    if (came !== undefined) process.kill(process.pid, came)
  }
}
