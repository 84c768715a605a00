import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { SpareCopies } from '../../../src/http/fast/spare-copies.ts'
import { readBody } from '../../../src/http/request-body.ts'
import { HttpServer } from '../../../src/http/server.ts'
import { createMemoryContent } from '../../support/memory-content.ts'
import { turnsUntil, WireSocket } from '../../fuzz/wire-socket.ts'
import { LogRecorder } from '../log-recorder.ts'

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
  // Only so much is kept.
  const many = Array.from({ length: 9 }, () => copies.copyOf(bytes, 20_000))
  for (const copy of many) copies.giveBack(copy)
  const known = new Set(many.map(({ buffer }) => buffer))
  const next = many.map(() => copies.copyOf(bytes, 20_000))
  assert.equal(next.filter(({ buffer }) => known.has(buffer)).length, 4)
})

test('what others made is never lent, whatever its length, and nothing twice', () => {
  const copies = new SpareCopies()
  const foreign = [100, 64 << 10, 70_000].map((length) => Buffer.from(new ArrayBuffer(length)))
  const short = copies.copyOf(Buffer.alloc(100), 100)
  for (const bytes of [...foreign, short]) copies.giveBack(bytes)
  const own = copies.copyOf(Buffer.alloc(20_000), 20_000)
  assert.ok([...foreign, short].every(({ buffer }) => buffer !== own.buffer))
  copies.giveBack(own)
  copies.giveBack(own)
  const [one, other] = [copies.copyOf(own, 20_000), copies.copyOf(own, 20_000)]
  assert.notEqual(one.buffer, other.buffer)
})

function head(length: number): string {
  return `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n`
}

function tooLarge(letter: string): string {
  return `GET / HTTP/1.1\r\nHost: h\r\nX: ${letter.repeat(40_000)}\r\n\r\n`
}

/** A server that answers with the body it was sent. */
async function start(t: TestContext) {
  const { content, cache } = await createMemoryContent([])
  t.after(() => cache.close())
  const server = new HttpServer(
    async ({ request, response }) => {
      response.end(await readBody(request, { maxBytes: 64 << 10 }))
    },
    new LogRecorder().logger,
    { fast: { peek: () => undefined, content, isOn: () => true } },
  )
  return (text: string) => {
    const socket = new WireSocket()
    t.after(() => socket.destroy())
    server.serve(socket)
    socket.push(Buffer.from(text))
    return socket
  }
}

test('who is refused leaves his memory to others, of whom each is answered what he has sent', async (t) => {
  const send = await start(t)
  for (let round = 0; round < 3; round += 1) {
    const refused = Array.from('xyz', (letter) => send(tooLarge(letter)))
    const bodies = Array.from('abcdef', (letter) => letter.repeat(30_000))
    const answered = bodies.map((body) => send(head(body.length) + body))
    // Its body is begun, and what follows it is nothing.
    send(`${head(20_000)}${'g'.repeat(20_000)}nothing`)
    await turnsUntil(() => [...refused, ...answered].every(({ sent }) => sent.length > 0))
    for (const socket of refused) assert.match(socket.wire(), /^HTTP\/1\.1 431 /)
    for (const [at, body] of bodies.entries())
      assert.ok(answered[at]?.wire().endsWith(`\r\n${body}`), body[0])
  }
})
