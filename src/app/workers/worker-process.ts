import { Server, Socket } from 'node:net'

import { trimWhenIdle } from '../../system/idle-memory.ts'
import { ignoreUnusedSignals } from '../../system/unused-signals.ts'
import type { ToWorker } from './messages.ts'
import { Worker, type Say } from './worker.ts'

/** How often it is looked whether the first process is there, in milliseconds. */
const LOOK_MS = 100

/** What a worker's process runs: it lives as long as the first process listens to it. */
function run(): void {
  // A terminal's Ctrl-C, and a service manager that ends a whole group, mean the first process, which says what to do.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  ignoreUnusedSignals()
  process.once('disconnect', () => process.exit())
  // The first process may have died while this one was being loaded: that was not told, and the socket that it sent would be listened on for ever.
  if (!process.connected) process.exit()
  // Node says nothing of the end of a channel either while a connection is on its way over it.
  setInterval(() => {
    if ((process.channel ?? undefined) === undefined) process.exit()
  }, LOOK_MS).unref()
  trimWhenIdle()
  let worker: Worker | undefined
  process.on('message', (message: ToWorker, handle: unknown) => {
    if (message.kind !== 'listen') return worker?.hear(message, handle instanceof Socket ? handle : undefined)
    if (!(handle instanceof Server)) return process.exit(1)
    worker = new Worker(message.task, say)
    worker.listen(handle).catch(() => process.exit(1))
  })
}

const say: Say = (message, connection, written) => {
  if (!process.connected) return
  // What cannot be said any more is said to nobody: the channel's end ends this process.
  process.send?.(message, connection, undefined, () => {
    written?.()
    // By this process: the first one may have to acknowledge connections that came before.
    if (message.kind === 'done' && process.connected) process.disconnect()
  })
}

run()
