import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test, type TestContext } from 'node:test'

import { SharedReads, SpareCopies } from '../../../src/http/fast/shared-reads.ts'

/** Both ends of a connection. */
async function openPair(t: TestContext): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [server] = await accepted
  t.after(() => {
    client.destroy()
    server.destroy()
    listener.close()
  })
  return { client, server }
}

/** Sends and resolves with what has come of it. */
async function send(client: Socket, text: string, comes: Promise<string>): Promise<string> {
  client.write(text)
  return await comes
}

test('what comes on a connection is read into the same memory, and from the end on it is the stream’s', async (t) => {
  const { client, server } = await openPair(t)
  const memory = new Set<Buffer>()
  let next = Promise.withResolvers<string>()
  const reads = new SharedReads((socket, bytes, count) => {
    assert.equal(socket, server)
    memory.add(bytes)
    next.resolve(bytes.toString('latin1', 0, count))
  })
  assert.ok(reads.begin(server), 'this node knows it')
  assert.equal(await send(client, 'one', next.promise), 'one')
  next = Promise.withResolvers()
  assert.equal(await send(client, 'two', next.promise), 'two')
  assert.equal(memory.size, 1)

  reads.end(server)
  const chunks: Buffer[] = []
  server.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    next.resolve('')
  })
  for (const text of ['three', 'four5']) {
    next = Promise.withResolvers()
    await send(client, text, next.promise)
  }
  assert.deepEqual(chunks.map(String), ['three', 'four5'])
})

test('what is no socket of this node’s is left as it is', () => {
  const reads = new SharedReads(() => assert.fail())
  assert.equal(reads.begin(new Duplex({ read() {} }) as Socket), false)
})

test('long copies are made into memory that was given back, and into none that was not', () => {
  const copies = new SpareCopies()
  const bytes = Buffer.alloc(40_000, 'a')
  const [one, other] = [copies.copyOf(bytes, 30_000), copies.copyOf(bytes, 40_000)]
  assert.deepEqual([one.length, other.length], [30_000, 40_000])
  assert.notEqual(one.buffer, other.buffer)
  copies.giveBack(one)
  const again = copies.copyOf(Buffer.alloc(20_000, 'b'), 20_000)
  assert.equal(again.buffer, one.buffer)
  assert.ok(again.equals(Buffer.alloc(20_000, 'b')))
  assert.ok(other.equals(bytes))
  assert.notEqual(copies.copyOf(bytes, 20_000).buffer, one.buffer)
  // What is short or too long for it is none of it, and only so much is kept.
  for (const length of [100, 70_000]) copies.giveBack(copies.copyOf(Buffer.alloc(length), length))
  const many = Array.from({ length: 9 }, () => copies.copyOf(bytes, 20_000))
  for (const copy of many) copies.giveBack(copy)
  const known = new Set(many.map(({ buffer }) => buffer))
  const next = many.map(() => copies.copyOf(bytes, 20_000))
  assert.equal(next.filter(({ buffer }) => known.has(buffer)).length, 4)
})
