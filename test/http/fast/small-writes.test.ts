import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'

import { SmallWrites } from '../../../src/http/fast/small-writes.ts'

/** Small enough for one piece, large enough that a connection which nobody reads from has soon enough of it. */
const BODY_BYTES = 12 << 10

async function openPair(t: TestContext): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1').pause()
  const [server] = await accepted
  for (const end of [client, server]) end.on('error', () => undefined)
  t.after(() => {
    client.destroy()
    server.destroy()
    listener.close()
  })
  return { client, server }
}

async function readAll(client: Socket): Promise<string> {
  return Buffer.concat(await client.toArray()).toString('latin1')
}

test('heads and bodies of any length come as they are, one after the other', async (t) => {
  const { client, server } = await openPair(t)
  const writes = new SmallWrites()
  // Some together as long as others, some longer by as much as views are kept.
  const lengths = [30, 94, 30, 158, 31, 95, 30, 0, 64, 16 << 10, 20 << 10, 30]
  const parts = lengths.map((bytes, at) => [`head ${at};`, String.fromCharCode(97 + at).repeat(bytes)])
  for (const [head = '', body = ''] of parts) writes.write(server, Buffer.from(head), Buffer.from(body))
  server.end()
  assert.equal(await readAll(client), parts.flat().join(''))
})

test('what the system has not taken is not written over by what goes to others', async (t) => {
  const [slow, other] = [await openPair(t), await openPair(t)]
  const writes = new SmallWrites()
  const head = Buffer.from('head;')
  const expected: string[] = []
  for (let isTaken = true; isTaken;) {
    const body = String(expected.length % 10).repeat(BODY_BYTES)
    isTaken = writes.write(slow.server, head, Buffer.from(body))
    expected.push(`head;${body}`)
  }
  assert.ok(expected.length > 1)
  const others = Buffer.alloc(BODY_BYTES, 'x')
  for (let times = 0; times < 3; times += 1) writes.write(other.server, head, others)
  slow.server.end()
  other.server.end()
  assert.equal(await readAll(slow.client), expected.join(''))
  assert.equal(await readAll(other.client), `head;${others.toString()}`.repeat(3))
})
