import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, describe, test, type TestContext } from 'node:test'

import { assertBytes } from '../contract/assert-bytes.ts'
import { Connection } from '../http/connection.ts'
import { startSite, type Site } from '../http/site.ts'
import { gate } from '../support/gate.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

// What is no clear request is answered once at most: nobody in front, and nothing behind, can take its rest for another request.

const LARGE = seededBytes('large', 3 << 20)
const SMALL = seededBytes('small', 3_000)
const PACKAGES = [
  { name: 'large', href: 'large.rpm', content: LARGE },
  { name: 'small', href: 'small.rpm', content: SMALL },
]
const HEAD = 'GET /healthz HTTP/1.1\r\nHost: h\r\n'
/** What is to be got in behind another request. */
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n'

/** One site for what leaves nothing behind. */
const ends: (() => unknown)[] = []
let sharedSite: Promise<Site> | undefined
const context = { after: (end: () => unknown) => void ends.push(end) } as unknown as TestContext
const shared = () => (sharedSite ??= start(context))
after(async () => {
  for (const end of ends.toReversed()) await end()
})

const start = async (t: TestContext): Promise<Site> => await startSite(t, { packages: PACKAGES })

/** All that comes back for these bytes, after which the client shuts its side down. */
async function answerTo(port: number, bytes: string): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  // A reset after an answer is an end as well.
  socket.on('error', () => undefined)
  socket.end(Buffer.from(bytes, 'latin1'))
  await once(socket, 'close')
  return Buffer.concat(pieces)
}

function statuses(answer: Buffer): number[] {
  return [...answer.toString('latin1').matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status))
}

const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`
/** Shapes, and what they are answered with. */
const SHAPES: readonly (readonly [what: string, bytes: string, answers: readonly number[]])[] = [
  [
    'a length and chunks',
    `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    [400],
  ],
  [
    'chunks and a length',
    `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${HIDDEN}`,
    [400],
  ],
  ['two lengths', `${HEAD}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, [400]],
  ['one length twice', `${HEAD}Content-Length: 34\r\nContent-Length: 34\r\n\r\n${HIDDEN}`, [400]],
  ['a list of lengths', `${HEAD}Content-Length: 0, 34\r\n\r\n${HIDDEN}`, [400]],
  ['a length with a sign', `${HEAD}Content-Length: +5\r\n\r\nhello${HIDDEN}`, [400]],
  ['a length below nothing', `${HEAD}Content-Length: -1\r\n\r\n${HIDDEN}`, [400]],
  ['a length in base 16', `${HEAD}Content-Length: 0x5\r\n\r\nhello${HIDDEN}`, [400]],
  ['a length beyond all', `${HEAD}Content-Length: 99999999999999999999\r\n\r\n${HIDDEN}`, [400]],
  ['a space before a colon', `${HEAD}Content-Length : 5\r\n\r\nhello${HIDDEN}`, [400]],
  ['no colon', `${HEAD}Content-Length 5\r\n\r\nhello${HIDDEN}`, [400]],
  ['no name', `${HEAD}: a\r\n\r\n${HIDDEN}`, [400]],
  ['a folded header', `${HEAD}X-A: 1\r\n Content-Length: 5\r\n\r\nhello${HIDDEN}`, [400]],
  ['a folded length', `${HEAD}Content-Length:\r\n 5\r\n\r\nhello${HIDDEN}`, [400]],
  ['lines without CR', `GET /healthz HTTP/1.1\nHost: h\n\n${HIDDEN}`, [400]],
  ['one line without CR', `${HEAD}X: a\nContent-Length: 5\r\n\r\nhello${HIDDEN}`, [400]],
  ['a CR without LF', `${HEAD}X: a\rContent-Length: 5\r\n\r\nhello${HIDDEN}`, [400]],
  ['NUL in a value', `${HEAD}X: a\0b\r\n\r\n${HIDDEN}`, [400]],
  ['NUL in a name', `${HEAD}X\0: a\r\n\r\n${HIDDEN}`, [400]],
  ['NUL in the target', `GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n${HIDDEN}`, [400]],
  ['chunks with extensions', `${CHUNKED}5;a=b\r\nhello\r\n0\r\n\r\n`, [200]],
  ['an extension that ends a line', `${CHUNKED}5;a\nhello\r\n0\r\n\r\n${HIDDEN}`, [200]],
  ['an extension of 20 KB', `${CHUNKED}5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n${HIDDEN}`, [200]],
  ['a chunk below nothing', `${CHUNKED}-5\r\nhello\r\n0\r\n\r\n${HIDDEN}`, [200]],
  ['a chunk in C', `${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n${HIDDEN}`, [200]],
  ['chunks without CR', `${CHUNKED}5\nhello\n0\n\n${HIDDEN}`, [200]],
  ['a length as a trailer', `${CHUNKED}0\r\nContent-Length: 5\r\n\r\n`, [200]],
  ['the coding identity', `${HEAD}Transfer-Encoding: identity\r\n\r\n${HIDDEN}`, [200]],
  ['a coding like chunked', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`, [200]],
  ['chunked, then identity', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${HIDDEN}`, [400]],
  [
    'two codings',
    `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${HIDDEN}`,
    [400],
  ],
  ['NUL in a coding', `${HEAD}Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n${HIDDEN}`, [400]],
  [
    'chunks in HTTP/1.0',
    `GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    [200],
  ],
  ['a request in a body', `${HEAD}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, [200]],
  [
    'the same of HEAD',
    `HEAD /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    [200],
  ],
  ['a request after the last', `${HEAD}Connection: close\r\n\r\n${HIDDEN}`, [200]],
  ['the same of HTTP/1.0', `GET /healthz HTTP/1.0\r\n\r\n${HIDDEN}`, [200]],
  ['HTTP/0.9', `GET /healthz\r\n${HIDDEN}`, [400]],
  ['HTTP/1.2', `GET /healthz HTTP/1.2\r\nHost: h\r\n\r\n${HIDDEN}`, [400]],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
]

describe('a request that is not clear', () => {
  for (const [what, bytes, answers] of SHAPES)
    test(`with ${what} is answered once at most, and nothing behind it`, async () => {
      const site = await shared()
      site.log.lines.length = 0
      const answer = await answerTo(site.port, bytes)
      assert.deepEqual(statuses(answer), answers)
      const logged = site.log.of('request').map((line) => JSON.stringify(line))
      assert.ok(!logged.some((line) => line.includes('hidden')), logged.join('\n'))
    })

  test('with two hosts, or one in its target, is never answered with the wrong one', async () => {
    const site = await shared()
    const index = '/repos/yum/all_latest.json'
    const two = await answerTo(site.port, `GET ${index} HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n`)
    assert.deepEqual(statuses(two), [400])
    const absolute = await answerTo(
      site.port,
      `GET http://real.example${index} HTTP/1.1\r\nHost: evil\r\n\r\n`,
    )
    assert.match(absolute.toString(), /http:\/\/real\.example\/repos/)
    assert.ok(!absolute.includes('evil'))
  })
})

describe('a client that shuts its side down', () => {
  test('after its request gets the whole answer, warm, cold and pipelined', async (t) => {
    const site = await start(t)
    const ask = (name: string) => `GET ${site.base}${name} HTTP/1.1\r\nHost: h\r\n\r\n`
    const cold = await answerTo(site.port, ask('large.rpm'))
    assertBytes(cold.subarray(-LARGE.length), LARGE)
    await site.filled()
    const warm = await answerTo(site.port, ask('large.rpm') + ask('small.rpm') + ask('large.rpm'))
    assert.deepEqual(statuses(warm).slice(0, 1), [200])
    assertBytes(warm.subarray(-LARGE.length), LARGE)
    assert.ok(warm.includes(SMALL))
  })

  test('in the middle of a request, or of a body, is answered once at most and gone', async () => {
    const site = await shared()
    for (const bytes of [
      'GET / HT',
      `${HEAD}X-`,
      'POST /repos/inject HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n[a]',
      '',
    ])
      assert.ok(statuses(await answerTo(site.port, bytes)).every((status) => status === 400))
  })

  test('and has gone holds nothing for longer than a client is kept waiting', async (t) => {
    const site = await start(t)
    const never = gate()
    site.upstream.rules = [{ match: '.rpm', hold: never }]
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const connection = await Connection.open(site.port)
    connection.ask(`${site.base}small.rpm`)
    await site.upstream.waitFor('.rpm')
    connection.socket.end()
    t.mock.timers.tick(25_000)
    assert.equal((await connection.reply()).status, 503)
    t.mock.timers.reset()
    await connection.ended()
    never.open()
  })
})

test('100 requests at once on one connection are answered in their order, whole', async (t) => {
  const site = await start(t)
  await (await site.connect()).get(`${site.base}small.rpm`)
  await site.filled()
  const targets = Array.from({ length: 100 }, (_, index) =>
    index % 3 === 0 ? `${site.base}small.rpm` : index % 3 === 1 ? `/nothing/${index}` : '/healthz',
  )
  const connection = await site.connect()
  for (const target of targets) connection.ask(target)
  for (const [index] of targets.entries()) {
    const { status, body } = await connection.reply()
    assert.equal(status, index % 3 === 1 ? 404 : 200)
    if (index % 3 === 0) assertBytes(body, SMALL)
    if (index % 3 === 1) assert.ok(body.toString().includes(`/nothing/${index}`))
  }
})

test('a head of 16 KiB is refused, in however many headers, and reads no further', async () => {
  const site = await shared()
  const small = `${HEAD}${'X-A: b\r\n'.repeat(500)}\r\n`
  assert.deepEqual(statuses(await answerTo(site.port, small)), [200])
  for (const headers of [
    'X-A: b\r\n'.repeat(4_000),
    `X-A: ${'b'.repeat(20_000)}\r\n`,
    `${'X'.repeat(20_000)}: b\r\n`,
  ])
    assert.deepEqual(statuses(await answerTo(site.port, `${HEAD}${headers}\r\n`)), [431])
  const endless = connect(site.port, '127.0.0.1')
  const sent = await sendWithoutEnd(endless)
  assert.ok(sent < 64 << 20, `${sent} bytes were taken`)
})

/** Writes headers until the server has had enough; gives how many bytes it took. */
async function sendWithoutEnd(socket: Socket): Promise<number> {
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(HEAD)
  while (!socket.destroyed && socket.bytesWritten < 64 << 20)
    await Promise.race([gone, new Promise((sent) => socket.write('X-A: b\r\n'.repeat(1_000), sent))])
  socket.destroy()
  return socket.bytesWritten
}
