import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { stopReading } from '../../../src/app/workers/hand-over.ts'
import type { FromWorker } from '../../../src/app/workers/messages.ts'
import { WorkerChild } from '../../../src/app/workers/worker-child.ts'
import { Worker } from '../../../src/app/workers/worker.ts'
import { unreadBytes } from '../../support/processes.ts'
import { tempDir } from '../../support/temp-dir.ts'

const SILENT = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

async function listen(t: TestContext): Promise<Server> {
  const server = createServer({ allowHalfOpen: true })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  return server
}

/** Both ends of a connection. */
async function dial(t: TestContext, server: Server): Promise<{ client: Socket; served: Socket }> {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => client.destroy())
  const [[served]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
    [Socket],
    [],
  ]
  t.after(() => served.destroy())
  return { client, served }
}

interface Returned {
  readonly socket: Socket
  readonly bytes: string
}

interface StartedWorker {
  readonly child: WorkerChild
  readonly pid: number
  /** The next connection that comes back. */
  readonly next: () => Promise<Returned>
  /** How it has ended. */
  readonly ended: Promise<string>
}

/** A worker that serves, and what comes back from it. */
async function startWorker(t: TestContext, options: { pingMs?: number } = {}): Promise<StartedWorker> {
  const returned: Returned[] = []
  const over = Promise.withResolvers<string>()
  let arrived: (() => void) | undefined
  const child = await new Promise<WorkerChild>((resolve) => {
    void listen(t).then((listener) => {
      const started = new WorkerChild({
        task: { dataDir: tempDir(t), memoryBytes: 1 << 20, isLogged: false, trustedProxies: [] },
        listener,
        onMessage: () => {},
        onConnection: (socket, bytes) => {
          returned.push({ socket, bytes: Buffer.from(bytes ?? []).toString() })
          arrived?.()
        },
        onReady: resolve,
        onEnd: (_, how) => over.resolve(how),
        ...options,
      })
      t.after(() => started.kill())
    })
  })
  const next = async () => {
    while (returned.length === 0) await new Promise<void>((resolve) => (arrived = resolve))
    return returned.shift() ?? assert.fail()
  }
  return { child, pid: child.pid ?? assert.fail(), next, ended: over.promise }
}

test('nothing is read from a connection before it is said that it was taken', async (t) => {
  const server = await listen(t)
  const { client, served } = await dial(t, server)
  const said: FromWorker[] = []
  let written: (() => void) | undefined
  const worker = new Worker(
    { dataDir: tempDir(t), memoryBytes: 1 << 20, isLogged: false, trustedProxies: [] },
    (message, _, done) => {
      said.push(message)
      written = done
    },
  )
  worker.hear({ kind: 'take', id: 7, bytes: undefined }, served)
  assert.deepEqual(said, [{ kind: 'took', id: 7 }])
  const asked = { target: '/repos/yum/m/2016-12-13-13-30/a.rpm', host: 'a' }
  const request = `GET ${asked.target} HTTP/1.1\r\nHost: ${asked.host}\r\n\r\n`
  client.write(request)
  const unread = () => unreadBytes((server.address() as AddressInfo).port, client.localPort ?? 0)
  while (unread() === 0) await nextTurn()
  for (let turn = 0; turn < 20; turn += 1) await nextTurn()
  assert.equal(unread(), request.length)
  written?.()
  while (said.length < 2) await nextTurn()
  assert.deepEqual(said[1], { kind: 'learn', asked })
})

test('connections that a worker was given and had not taken when it died come back whole', async (t) => {
  const server = await listen(t)
  const { child, pid, next } = await startWorker(t)
  const early = await dial(t, server)
  const late = await dial(t, server)
  // It takes nothing any more, though it does not look dead.
  process.kill(pid, 'SIGSTOP')
  child.give(early.served, Buffer.from('what came before '))
  child.give(late.served, stopReading(late.served))
  late.client.write('what came behind')
  process.kill(pid, 'SIGKILL')
  const first = await next()
  assert.deepEqual([first.socket, first.bytes], [early.served, 'what came before '])
  const second = await next()
  assert.deepEqual([second.socket, second.bytes], [late.served, ''])
  second.socket.resume()
  assert.equal(String((await once(second.socket, 'data'))[0]), 'what came behind')
  first.socket.write('an answer')
  assert.equal(String((await once(early.client, 'data'))[0]), 'an answer')
})

test('a connection that a worker has taken is none of the first process’s, whatever becomes of the worker', async (t) => {
  const server = await listen(t)
  const { child, pid, next } = await startWorker(t)
  const { client, served } = await dial(t, server)
  const gone = once(served, 'close')
  child.give(served, undefined)
  await gone
  // None for a worker: it comes back as a connection of its own.
  client.write(SILENT)
  const back = await next()
  assert.notEqual(back.socket, served)
  assert.equal(back.bytes, SILENT)
  const other = await dial(t, server)
  const taken = once(other.served, 'close')
  child.give(other.served, undefined)
  await taken
  const closed = once(other.client.resume(), 'close')
  process.kill(pid, 'SIGKILL')
  await closed
  back.socket.destroy()
})

test('a worker that hangs is ended', async (t) => {
  const { pid, ended } = await startWorker(t, { pingMs: 50 })
  process.kill(pid, 'SIGSTOP')
  assert.equal(await ended, 'it did not answer')
})
