import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { FastPath } from '../../../src/http/fast/fast-path.ts'
import type { PackageReader } from '../../../src/snapshot/prefetch/package-fetches.ts'
import { readComing } from '../../support/coming-file.ts'
import { createMemoryContent } from '../../support/memory-content.ts'
import { Connection } from '../connection.ts'
import { formatRequest } from './fast-server.ts'

const LARGE = 16 << 20
/** A fifth of a second until it is there. */
const COMING = 200_000

/** A server whose connections may be idle for a twentieth of a second in one situation, and for ever in the others. */
async function start(
  t: TestContext,
  short: 'requestMs' | 'keepAliveMs' | 'idleMs',
): Promise<{ socket: Socket; serving: Socket }> {
  const { files, content } = await createMemoryContent(
    [
      ['/a', 5_000],
      ['/large', LARGE],
      ['/coming', COMING],
    ],
    {},
    { '/coming': async (bytes) => readSlowly(bytes) },
  )
  const times = { requestMs: 0, keepAliveMs: 0, idleMs: 0, [short]: 50, marginMs: 0 }
  const fast = new FastPath({
    peek: (target) => files.get(target),
    content,
    cold: { lookUp: () => undefined, content, name: () => 'mine', onEnd: () => undefined },
    isOn: () => true,
    times,
    nameHit: () => undefined,
    onEnd: () => undefined,
    handOver: () => assert.fail('nothing is handed over'),
  })
  const server = createServer({ allowHalfOpen: true }, (socket) => fast.accept(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => {
    socket.destroy()
    fast.destroy()
    server.close()
  })
  const [serving] = await accepted
  return { socket, serving }
}

/** Its bytes come ten thousand in a hundredth of a second. */
function readSlowly(bytes: Buffer): PackageReader {
  return {
    ...readComing({ bytes }),
    read: async (target, position) => {
      await sleep(10)
      return bytes.copy(target, 0, position, position + 10_000)
    },
  }
}

test('who sends nothing is told so, as node does', async (t) => {
  const { socket } = await start(t, 'requestMs')
  assert.equal((await buffer(socket)).toString(), 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
})

test('who asks nothing more is let go', async (t) => {
  const { socket } = await start(t, 'keepAliveMs')
  socket.write(formatRequest('/a'))
  const reply = await buffer(socket)
  assert.equal(reply.length - reply.indexOf('\r\n\r\n') - 4, 5_000)
})

test('who reads nothing of an answer is let go', async (t) => {
  const { socket, serving } = await start(t, 'idleMs')
  socket.on('error', () => undefined)
  socket.write(formatRequest('/large'))
  await once(serving, 'close')
  // What the kernel holds is there; the rest never comes.
  await once(socket.resume(), 'close')
  assert.ok(socket.bytesRead < LARGE)
})

test('who is sent what comes slowly is sent all of it, however long that takes', async (t) => {
  const { socket } = await start(t, 'idleMs')
  const connection = Connection.over(socket)
  // The second is written beneath the stream from its first byte on.
  for (const _ of [1, 2]) assert.equal((await connection.get('/coming')).body.length, COMING)
})
