import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'

import { Worker } from '../../../src/app/workers/worker.ts'
import { Workers } from '../../../src/app/workers/workers.ts'
import { FastPath } from '../../../src/http/fast/fast-path.ts'
import { Connection } from '../../http/connection.ts'
import { startFastServer } from '../../http/fast/fast-server.ts'
import { createSilentLogger } from '../../../src/system/logger.ts'
import { tempDir } from '../../support/temp-dir.ts'

const FILE = '/repos/yum/m/2016-12-13-13-30/a.rpm'

/** Both ends of so many connections that nobody has accepted but us. */
async function dial(t: TestContext, count: number): Promise<{ client: Connection; served: Socket }[]> {
  const listener = createServer({ allowHalfOpen: true })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  t.after(() => listener.close())
  const ends: { client: Connection; served: Socket }[] = []
  while (ends.length < count) {
    const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1')
    t.after(() => socket.destroy())
    const [served] = (await once(listener, 'connection')) as [Socket]
    ends.push({ client: Connection.over(socket), served })
  }
  return ends
}

test('who is busy gives connections on which something is asked to who is not, and all go on being answered', async (t) => {
  t.mock.method(performance, 'eventLoopUtilization', () => ({ utilization: 1, idle: 0, active: 1 }))
  const { server, bytesOf } = await startFastServer(t, [[FILE, 20_000]])
  let learned = 0
  const workers = new Workers({
    server,
    bounds: () => ({ least: 2, most: 2 }),
    task: () => ({ dataDir: tempDir(t), memoryBytes: 1 << 20, isLogged: false, trustedProxies: [] }),
    learn: () => {
      learned += 1
      // It hands the connection back, and the request with it.
      return Promise.resolve(undefined)
    },
    onNews: () => undefined,
    absorb: () => undefined,
    log: createSilentLogger(),
    lookMs: 20,
  })
  t.after(() => workers.close(0))
  await workers.start()
  const connections = await dial(t, 4)
  const silent = await dial(t, 4)
  for (const { served } of [...connections, ...silent]) server.takeOver(served, undefined)
  while (learned === 0)
    for (const { body } of await Promise.all(connections.map(({ client }) => client.get(FILE))))
      assert.deepEqual(body, bytesOf(FILE))
  // What is silent is no work: it stays.
  assert.ok(server.fastConnections >= silent.length)
})

test('a worker hands back the part that it is told to', async (t) => {
  const [{ served } = assert.fail()] = await dial(t, 1)
  const shares: number[] = []
  t.mock.method(FastPath.prototype, 'giveShare', (share: number, take: (socket: Socket) => void) => {
    shares.push(share)
    take(served)
  })
  const given: (Socket | undefined)[] = []
  const task = { dataDir: tempDir(t), memoryBytes: 1 << 20, isLogged: false, trustedProxies: [] }
  const worker = new Worker(task, (message, socket, written) => {
    if (message.kind === 'connection') given.push(socket)
    written?.()
  })
  worker.hear({ kind: 'share', share: 0.4 }, undefined)
  assert.deepEqual([shares, given], [[0.4], [served]])
  served.destroy()
})
