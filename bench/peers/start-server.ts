import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

import { accepts } from '../../test/support/daemon.ts'
import { endWithUs } from '../measure/leave-nothing.ts'
import { findTool } from '../../test/support/tools.ts'

/** A server's process. */
export interface StartedServer {
  readonly pid: number
  /** Ends it, and waits until it has. */
  stop(): Promise<void>
}

/** What is run, and where it will listen. */
export interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  /** Of 127.0.0.1. */
  readonly port: number
  readonly core: number | undefined
}

/** Where load is measured the server has one core, and who asks and who is asked have another one. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

/** Between two looks whether it listens. */
const POLL_MS = 20

/** Whether it listens or not, after that long it is given up. */
const START_MS = 30_000

/** How long it may take to end before it is made to. */
const STOP_MS = 10_000

/** Starts a server in the foreground; resolves when it accepts connections. @throws Error with what it said when it does not */
export async function startServer({ command, args, cwd, port, core }: ServerCommand): Promise<StartedServer> {
  const path = findTool(command)
  if (path === undefined) throw new Error(`${command} is not installed`)
  const child = spawnOn(core, path, args, cwd)
  endWithUs(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_000)))
  const deadline = performance.now() + START_MS
  while (!(await accepts(port))) {
    if (hasEnded(child) || performance.now() > deadline) {
      await stop(child)
      throw new Error(`${command} did not listen on 127.0.0.1:${port}: ${said}`)
    }
    await sleep(POLL_MS)
  }
  return { pid: child.pid ?? 0, stop: () => stop(child) }
}

/** Runs a program on one core, where there are several and it is told which. The process id is the program's own. */
function spawnOn(core: number | undefined, path: string, args: readonly string[], cwd: string): ChildProcess {
  const [command = path, ...rest] = onCore(core, path, args)
  return spawn(command, rest, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** A command line that runs on one core. */
export function onCore(core: number | undefined, path: string, args: readonly string[]): string[] {
  const taskset = findTool('taskset')
  if (core === undefined || taskset === undefined || availableParallelism() < 2) return [path, ...args]
  return [taskset, '--cpu-list', String(core), path, ...args]
}

/** Ends a child process: politely first. */
export async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await exited
  clearTimeout(timer)
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
