import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { tempDir } from './temp-dir.ts'
import { findTool } from './tools.ts'

/** Listens on a port of 127.0.0.1 and passes everything on to a socket in the file system, which no network has a part in. */
const RELAY = `
  const { connect, createServer } = require('node:net')
  const [socket, port] = process.argv.slice(1)
  createServer((client) => {
    const server = connect(socket)
    for (const [from, to] of [[client, server], [server, client]]) from.on('error', () => to.destroy()).pipe(to)
  }).listen(Number(port), '127.0.0.1', () => console.log('ready'))
`

/** A network of its own in which one port of 127.0.0.1 is all that there is to reach. */
export interface LonelyNetwork {
  /** What a command is put behind to run in it. */
  readonly prefix: readonly string[]
}

/** Whether there can be one: else why not. */
export function needsLonelyNetwork(): { readonly skip: false | string } {
  if (findTool('unshare') === undefined || findTool('ip') === undefined)
    return { skip: 'needs unshare and ip' }
  const made = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' })
  return { skip: made.status === 0 ? false : 'needs the right to make a network namespace' }
}

/** Makes one, which leads to what listens on this port here, under the same address; until the test ends. */
export async function openLonelyNetwork(t: TestContext, port: number): Promise<LonelyNetwork> {
  const socket = join(tempDir(t), 'socket')
  const outside = createServer((inner) => {
    const server = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [inner, server],
      [server, inner],
    ] as const)
      from.on('error', () => to.destroy()).pipe(to)
  }).listen(socket)
  await once(outside, 'listening')
  const script = 'ip link set lo up && exec "$0" -e "$1" "$2" "$3"'
  const child = spawn('unshare', ['--net', 'sh', '-c', script, process.execPath, RELAY, socket, `${port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    outside.close()
    const exited = once(child, 'exit')
    child.kill()
    await exited
  })
  for await (const line of createInterface({ input: child.stdout })) if (line === 'ready') break
  return { prefix: ['nsenter', `--target=${child.pid}`, '--net'] }
}
