import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test, type TestContext } from 'node:test'

import { SharedReads } from '../../../src/http/fast/shared-reads.ts'

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
