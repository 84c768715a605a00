import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { blobPath, createLayout } from '../../../src/cache/layout.ts'
import { httpGet } from '../../support/http-get.ts'
import { acceptorsOf, childrenOf, isRunning } from '../../support/processes.ts'
import { runCommand } from '../../support/run-command.ts'
import { startServer, type StartedServer } from '../../support/start-server.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../../support/synthetic-repository.ts'
import { tempDir } from '../../support/temp-dir.ts'

const MAIN = new URL('../../../src/main.ts', import.meta.url).pathname

/** A server of several processes with one synced mirror, `m`. */
export interface WorkerFarm {
  readonly server: StartedServer
  readonly port: number
  readonly main: number
  /** The snapshot's path, no trailing slash. */
  readonly base: string
  /** Hrefs of packages in the order given. */
  readonly hrefs: readonly string[]
  /** Where the server keeps each of them. */
  readonly files: readonly string[]
  /** How often upstream was asked for each path. */
  readonly asked: ReadonlyMap<string, number>
  /** Processes beside the first one. */
  workers(): number[]
  /** Waits until there are so many. */
  waitForWorkers(count: number): Promise<number[]>
  /** A connection that this process has accepted. */
  connectTo(pid: number): Promise<Socket>
  connectAll(pid: number, count: number): Promise<Socket[]>
  /** Which process has each of these connections; undefined for one that is on its way. */
  ownersOf(sockets: readonly Socket[]): (number | undefined)[]
  /** Publishes another package upstream, and syncs. */
  publish(): Promise<void>
  /** Runs a command of the program; gives what it says. */
  run(...args: readonly string[]): Promise<string>
  /** The configuration's text for so many processes, with further lines of the mirror. */
  configure(workers: number | 'auto', more?: Readonly<Record<string, unknown>>): string
}

/** How to start one. */
export interface WorkerFarmOptions {
  readonly workers: number
  readonly packages: readonly SyntheticPackage[]
  /** Keeps upstream's answers back. */
  readonly opened?: Promise<void>
}

/** What comes on a connection until it ends, once this was sent. */
export async function exchange(socket: Socket, request: string | Buffer): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.once('end', () => socket.end())
  const closed = once(socket, 'close')
  socket.write(request)
  await closed
  return Buffer.concat(chunks)
}

/** Starts one and syncs it. */
export async function startWorkerFarm(t: TestContext, options: WorkerFarmOptions): Promise<WorkerFarm> {
  const dir = tempDir(t)
  const { packages } = writeSyntheticRepository(dir, { packages: options.packages })
  const asked = new Map<string, number>()
  const upstream = createServer((request, response) => {
    const { url = '' } = request
    asked.set(url, (asked.get(url) ?? 0) + 1)
    void readFile(join(dir, url)).then(
      async (bytes) => {
        if (url.endsWith('.rpm')) await options.opened
        response.end(bytes)
      },
      () => response.writeHead(404).end(),
    )
  })
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    upstream.closeAllConnections()
    upstream.close()
  })
  const baseurl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`
  const configure: WorkerFarm['configure'] = (workers, more = {}) =>
    JSON.stringify({
      listen: '127.0.0.1:0',
      data_dir: './data',
      sync_interval: 'off',
      workers,
      mirrors: { m: { baseurl, retries: 0, policy: 'on_demand', ...more } },
    })
  const server = await startServer(t, { text: configure(options.workers) })
  const run = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await runCommand(process.execPath, [
      MAIN,
      ...args,
      '--config',
      server.configFile,
    ])
    assert.equal(code, 0, stderr)
    return stdout
  }
  await run('sync')
  const snapshot = (await httpGet(`${server.url}/repos/yum/m/latest.txt`)).body.toString().trim()
  const main = server.process.pid ?? 0
  const port = Number(new URL(server.url).port)
  const workers = () => childrenOf(main, 'worker-process')
  let known = workers()
  const dial = async () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    t.after(() => socket.destroy())
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }
  const connectAll: WorkerFarm['connectAll'] = async (pid, count) => {
    // Looking for them takes long.
    if (!known.includes(pid) && pid !== main) known = workers()
    const others = [main, ...known].filter((other) => other !== pid && isRunning(other))
    const mine: Socket[] = []
    for (const other of others) process.kill(other, 'SIGSTOP')
    try {
      while (mine.length < count) {
        const sockets = await Promise.all(Array.from({ length: count - mine.length }, dial))
        const owners = await waitForOwners(sockets, [pid, ...others])
        for (const [at, socket] of sockets.entries()) {
          // Of another one that was not stopped yet.
          if (owners[at] === pid) mine.push(socket)
          else socket.destroy()
        }
      }
      return mine
    } finally {
      for (const other of others) process.kill(other, 'SIGCONT')
    }
  }
  const waitForOwners = async (sockets: readonly Socket[], pids: readonly number[]) => {
    for (;;) {
      const acceptors = acceptorsOf(port, pids)
      const owners = sockets.map(({ localPort }) => acceptors.get(localPort ?? 0))
      if (owners.every((owner) => owner !== undefined)) return owners
      await sleep(1)
    }
  }
  return {
    server,
    port,
    main,
    base: `/repos/yum/m/${snapshot}`,
    hrefs: packages.map(({ href }) => href),
    files: packages.map(({ checksum }) => blobPath(createLayout(server.dataDir), checksum)),
    asked,
    workers,
    connectAll,
    connectTo: async (pid) => (await connectAll(pid, 1))[0] ?? assert.fail(),
    waitForWorkers: async (count) => {
      for (;;) {
        const pids = workers().filter(isRunning)
        if (pids.length === count) return pids
        await sleep(10)
      }
    },
    ownersOf: (sockets) => {
      const acceptors = acceptorsOf(port, [main, ...workers()])
      return sockets.map(({ localPort }) => acceptors.get(localPort ?? 0))
    },
    publish: async () => {
      const next = [...options.packages, { name: 'next', content: 100 }]
      writeSyntheticRepository(dir, { packages: next, revision: 2_000_000_000 })
      await run('sync')
    },
    configure,
    run,
  }
}
