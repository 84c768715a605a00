import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, statSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { findTool } from './tools.ts'

/** A server of somebody else's on a port of 127.0.0.1. */
export interface Daemon {
  readonly port: number
  /** Ends it before the test does. */
  stop(): Promise<void>
}

/** Another process may take the free port before it does. */
const ATTEMPTS = 5

/**
 * Starts a server in the foreground on a free port, until the test ends; resolves when it accepts connections.
 * @param prepare gives its arguments for a port
 */
export async function startDaemon(
  t: TestContext,
  command: string,
  prepare: (port: number) => readonly string[],
): Promise<Daemon> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    const started = await start(t, command, prepare(port), port)
    if (typeof started !== 'string') return started
    if (attempt === ATTEMPTS) throw new Error(`${command} did not start: ${started}`)
  }
}

/** The server, or what it said before it ended. */
async function start(
  t: TestContext,
  command: string,
  args: readonly string[],
  port: number,
): Promise<Daemon | string> {
  const child = spawn(findTool(command) ?? command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = () => child.kill()
  process.once('exit', kill)
  const ended = once(child, 'close').finally(() => process.off('exit', kill))
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_000)))
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  }
  while (child.exitCode === null && child.signalCode === null) {
    if (await accepts(port)) {
      t.after(stop)
      return { port, stop }
    }
    await sleep(10)
  }
  await ended
  return said
}

/** Whether somebody listens on a port of 127.0.0.1. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Lets others read, and write where told, what is in a directory, and get there: as root, servers become another user. */
export function openToOthers(dir: string, mode: 0o755 | 0o777 = 0o755): void {
  chmodSync(dir, mode)
  for (let above = dirname(dir); above !== dirname(above); above = dirname(above)) {
    const { mode: known } = statSync(above)
    if ((known & 1) === 0) chmodSync(above, known | 1)
  }
}

/** A port of 127.0.0.1 that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
