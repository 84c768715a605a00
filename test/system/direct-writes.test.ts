import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { test, type TestContext } from 'node:test'

import { DirectWrites } from '../../src/system/direct-writes.ts'
import { tempDir } from '../support/temp-dir.ts'

/** More than the kernel takes of a connection that nobody reads from, in bytes. */
const TOO_MUCH = 32 << 20

/** Both ends of a connection, and what was written to one without its stream's knowledge. */
async function openPair(t: TestContext, where: { port: 0 } | { path: string } = { port: 0 }) {
  const listener = createServer({ pauseOnConnect: true }).listen({ host: '127.0.0.1', ...where })
  await once(listener, 'listening')
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const address = listener.address() as AddressInfo | string
  const client = typeof address === 'string' ? connect(address) : connect(address.port, '127.0.0.1')
  const [server] = await accepted
  let byStream = 0
  const write = server.write.bind(server)
  server.write = (...rest: unknown[]) => {
    byStream += 1
    return Reflect.apply(write, undefined, rest) as boolean
  }
  for (const end of [client, server]) end.on('error', () => undefined)
  t.after(() => {
    client.destroy()
    server.destroy()
    listener.close()
  })
  return { client, server, streamWrites: () => byStream }
}

/** All that comes until the other side ends. */
async function readAll(client: Socket): Promise<Buffer> {
  return Buffer.concat(await client.toArray())
}

for (const [name, where] of [
  ['TCP', () => ({ port: 0 }) as const],
  ['a local socket', (t: TestContext) => ({ path: join(tempDir(t), 'socket') })],
] as const)
  test(`over ${name} the first write is the stream's, and the others go beneath it, in their order`, async (t) => {
    const { client, server, streamWrites } = await openPair(t, where(t))
    const writes = new DirectWrites()
    const [head, body] = [Buffer.from('head '), Buffer.from('body ')]
    assert.ok(writes.write(server, [head, body]))
    assert.equal(streamWrites(), 2)
    assert.ok(writes.write(server, Buffer.from('one ')))
    assert.ok(writes.write(server, [head, body]))
    assert.equal(streamWrites(), 2, 'nothing more by the stream')
    assert.deepEqual(Object.keys(handleOf(server)).filter(isWrite), [], 'nothing is left on the handle')
    server.end('end')
    assert.equal(String(await readAll(client)), 'head body one head body end')
  })

test('what the kernel does not take at once goes out before what is written later, and is not mixed up with what others are sent', async (t) => {
  const [slow, quick] = [await openPair(t), await openPair(t)]
  const writes = new DirectWrites()
  writes.write(quick.server, Buffer.from('first '))
  const large = randomBytes(TOO_MUCH)
  assert.equal(writes.write(slow.server, [Buffer.from('large '), large]), false)
  assert.equal(slow.streamWrites(), 0)
  assert.ok(writes.write(quick.server, Buffer.from('second ')))
  assert.equal(writes.write(slow.server, Buffer.from('behind ')), false)
  const taken = new Promise((resolve) => slow.server.write(' last', resolve))
  assert.equal(writes.write(slow.server, Buffer.from(' never before the last')), false)
  assert.equal(slow.streamWrites(), 2, 'by the stream, since that has something that comes first')
  quick.server.end()
  assert.equal(String(await readAll(quick.client)), 'first second ')
  const all = readAll(slow.client)
  await taken
  slow.server.end()
  assert.deepEqual(
    digestible(await all),
    digestible(
      Buffer.concat([Buffer.from('large '), large, Buffer.from('behind  last never before the last')]),
    ),
  )
})

test('a client that is gone has its socket destroyed, at once or when the kernel says so', async (t) => {
  const writes = new DirectWrites()
  const [first, gone, leaving] = [await openPair(t), await openPair(t), await openPair(t)]
  writes.write(first.server, Buffer.from('learn'))

  gone.client.resetAndDestroy()
  await once(gone.client, 'close')
  const closed = once(gone.server, 'close')
  // The kernel may take the first after a reset.
  while (!gone.server.destroyed) writes.write(gone.server, Buffer.from('to nobody'))
  assert.equal(writes.write(gone.server, Buffer.from('to nobody')), false)
  await closed

  assert.equal(writes.write(leaving.server, Buffer.alloc(TOO_MUCH)), false)
  const left = once(leaving.server, 'close')
  leaving.client.resetAndDestroy()
  await left
})

test('what is no socket of this node’s is written to as a stream', async () => {
  const written: string[] = []
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  const writes = new DirectWrites()
  assert.ok(writes.write(stream as Socket, Buffer.from('one')))
  assert.ok(writes.write(stream as Socket, [Buffer.from('two'), Buffer.from('three')]))
  assert.deepEqual(written, ['one', 'two', 'three'])
})

test('a write that node comes back to later is used for no other, though the kernel has all of it', () => {
  const used: Request[] = []
  class Request {
    isOnItsWay = false
    getAsyncId() {
      return this.isOnItsWay ? 7 : -1
    }
  }
  class Handle {
    isBusy = false
    /** As libuv has it where a second attempt takes what the first did not: nothing is left, and its end comes in the next turn. */
    writeQueueSize = 0
    writeBuffer(request: Request) {
      assert.equal(request.isOnItsWay, false)
      request.isOnItsWay = this.isBusy
      used.push(request)
      return 0
    }
    writev() {
      assert.fail()
    }
  }
  const handle = new Handle()
  const socket = {
    _handle: handle,
    writableLength: 0,
    destroyed: false,
    write: () => handle.writeBuffer(new Request()),
  } as unknown as Socket
  const writes = new DirectWrites()
  const write = () => writes.write(socket, Buffer.from('bytes'))
  write()
  assert.deepEqual([write(), write()], [true, true])
  assert.equal(used[1], used[2])
  handle.isBusy = true
  assert.deepEqual([write(), write()], [false, false])
  assert.equal(new Set(used.slice(2)).size, 2)
})

function handleOf(socket: Socket): object {
  return (socket as unknown as { _handle: object })._handle
}

function isWrite(name: string): boolean {
  return name.startsWith('write')
}

/** Of differing megabytes an assertion would print all. */
function digestible(bytes: Buffer): { length: number; start: string; end: string; hash: string } {
  return {
    length: bytes.length,
    start: bytes.toString('latin1', 0, 6),
    end: bytes.toString('latin1', bytes.length - 34),
    hash: createHash('sha256').update(bytes).digest('hex'),
  }
}
