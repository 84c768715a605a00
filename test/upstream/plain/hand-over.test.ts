import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'

import { loadUndici } from '../../../src/upstream/undici-parts.ts'
import { assertBytes } from '../../contract/assert-bytes.ts'
import { seededBytes } from '../../support/seeded-bytes.ts'
import { formatReply, startRawServer } from '../raw-server.ts'
import { openPlain, readAll, readOut, readText, turns } from './open-plain.ts'

const FINAL = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'

interface Sent {
  /** What the server sends, a packet each. */
  readonly packets: readonly string[]
  /** Whether it ends the connection then. */
  readonly ends?: true
  readonly status?: number
  readonly body?: string
}

/** Answers that are right, and not of the simple form. */
const RIGHT: Readonly<Record<string, Sent>> = {
  'in chunks': { packets: [`${CHUNKED}2\r\nri\r\n3\r\nght\r\n0\r\n\r\n`] },
  'in chunks, a packet each': { packets: [CHUNKED, '2\r\nri\r\n', '3\r\nght\r\n', '0\r\n\r\n'] },
  'in chunks with a trailer': { packets: [`${CHUNKED}5\r\nright\r\n0\r\nA: b\r\n\r\n`] },
  'of HTTP/1.0 with a length': { packets: ['HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nright'] },
  'of HTTP/1.0 up to the end': { packets: ['HTTP/1.0 200 OK\r\n\r\nri', 'ght'], ends: true },
  'up to the end of the connection': { packets: ['HTTP/1.1 200 OK\r\n\r\nri', 'ght'], ends: true },
  'up to the end, said to be the last': {
    packets: ['HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nright'],
    ends: true,
  },
  'behind an early hint': { packets: [HINT + FINAL] },
  'behind early hints in packets of their own': { packets: [HINT, HINT, FINAL] },
  'in chunks behind 100 Continue': { packets: [`${CONTINUE}${CHUNKED}5\r\nright\r\n0\r\n\r\n`] },
  'behind 100 Continue and half a head': { packets: [CONTINUE + FINAL.slice(0, 20), FINAL.slice(20)] },
  'behind half a head': { packets: [FINAL.slice(0, 20), FINAL.slice(20)] },
  'with a head in packets of a byte': { packets: Array.from(FINAL) },
  'with a head of 12 KiB': {
    packets: [`HTTP/1.1 200 OK\r\n${'A: 0123456789\r\n'.repeat(800)}Content-Length: 5\r\n\r\nright`],
  },
  'with bytes beyond ASCII in a header': {
    packets: ['HTTP/1.1 200 OK\r\nA: \xe4\r\nContent-Length: 5\r\n\r\nright'],
  },
  'with several connection words': {
    packets: ['HTTP/1.1 200 OK\r\nConnection: keep-alive, x\r\nContent-Length: 5\r\n\r\nright'],
  },
  'without content': { packets: ['HTTP/1.1 204 No Content\r\n\r\n'], status: 204, body: '' },
  'that tells the length of what it does not send': {
    packets: ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
    status: 304,
    body: '',
  },
}

/** Answers that undici refuses, and in what words. */
const WRONG: Readonly<Record<string, readonly [packets: readonly string[], message: RegExp]>> = {
  'of another protocol': [['SSH-2.0-OpenSSH_9.2\r\n'], /Expected HTTP\//],
  'of half a head': [['HTTP/1.1 200 OK\r\nContent-'], /^other side closed$/],
  'with two lengths': [
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nright!'],
    /does not match content-length header/,
  ],
  'with a length of +5': [
    ['HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nright'],
    /Invalid character in Content-Length/,
  ],
  'of a hint alone': [[HINT], /^other side closed$/],
}

async function send(socket: Socket, { packets, ends }: Sent): Promise<void> {
  socket.setNoDelay(true)
  for (const packet of packets) {
    socket.write(packet, 'latin1')
    await turns(2)
  }
  if (ends === true) socket.end()
}

describe('an answer that is not of the simple form', () => {
  for (const [what, sent] of Object.entries(RIGHT))
    test(`comes right, and is asked for once: ${what}`, async (t) => {
      const server = await startRawServer(t, (socket) => void send(socket, sent))
      const { get, others } = openPlain(t)
      for (let round = 1; round <= 2; round += 1) {
        const asked = get(server.url)
        const reply = await asked.reply
        assert.equal(reply.statusCode, sent.status ?? 200)
        assert.equal(await readText(reply), sent.body ?? 'right')
        assert.equal(asked.ends(), 1)
        assert.equal(server.requests.length, round)
      }
      assert.equal(others.length, 0)
      // Its connection ends with it.
      await server.waitForConnections(0)
    })

  for (const [what, [packets, message]] of Object.entries(WRONG))
    test(`fails as it does with undici, and is asked for once: ${what}`, async (t) => {
      const server = await startRawServer(t, (socket) => void send(socket, { packets, ends: true }))
      const { get, others } = openPlain(t)
      const asked = get(server.url)
      await assert.rejects(asked.reply.then(readAll), { message })
      assert.equal(asked.ends(), 1)
      assert.equal(server.requests.length, 1)
      assert.equal(others.length, 0)
      await server.waitForConnections(0)
    })

  test('comes right on a connection that brought one of the simple form before', async (t) => {
    const sockets = new Set<Socket>()
    const server = await startRawServer(t, (socket, request) => {
      sockets.add(socket)
      if (request.startsWith('GET /chunked'))
        void send(socket, { packets: [CHUNKED, '5\r\nright\r\n', '0\r\n\r\n'] })
      else socket.write(formatReply(200, [], 'simple'))
    })
    const { get } = openPlain(t)
    assert.equal(await readText(get(server.url).reply), 'simple')
    assert.equal(await readText(get(`${server.url}chunked`).reply), 'right')
    assert.equal(sockets.size, 1)
    assert.equal(await readText(get(server.url).reply), 'simple')
    assert.equal(server.requests.length, 3)
  })

  test('is given up with its request', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(`${CHUNKED}4\r\nsome\r\n`))
    const { get } = openPlain(t)
    const asked = get(server.url)
    const reply = await asked.reply
    assert.equal(String((await reply.body.next()).value), 'some')
    asked.abort(new Error('given up'))
    await assert.rejects(reply.body.next(), /^Error: given up$/)
    assert.equal(asked.ends(), 1)
    await server.waitForConnections(0)
  })

  test('comes right when it is long, beside those that are simple', async (t) => {
    const content = seededBytes('handed over', 3 << 20)
    const server = await startRawServer(t, (socket, request) => {
      if (request.startsWith('GET /simple')) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`)
        socket.write(content)
      } else {
        socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n')
        socket.end(content)
      }
    })
    const { get } = openPlain(t)
    const paths = ['simple', 'long', 'simple', 'long', 'long']
    const bodies = await Promise.all(paths.map((path) => readAll(get(`${server.url}${path}`).reply)))
    for (const body of bodies) assertBytes(body, content)
  })

  test('fails when it breaks off, after what came', async (t) => {
    const server = await startRawServer(t, (socket) => socket.end(`${CHUNKED}4\r\nsome\r\n`))
    const { get } = openPlain(t)
    const { bytes, error } = await readOut(await get(server.url).reply)
    assert.equal(bytes.toString(), 'some')
    assert.equal(error?.message, 'other side closed')
  })
})

describe('a request that is not of the simple form', () => {
  const cases: Readonly<Record<string, Parameters<ReturnType<typeof openPlain>['get']>[1]>> = {
    'with a space in its path': { path: '/a b' },
    'with more than ASCII in its path': { path: '/\xe4' },
    'with a path that is none': { path: 'a' },
    'with a line in its path': { path: '/a HTTP/1.1\r\nA: b' },
    'with a line in a header': { headers: { a: 'b\r\nc: d' } },
    'with more than ASCII in a header': { headers: { a: '\xe4' } },
    'with a tab in a header': { headers: { a: 'b\tc' } },
    'by TLS': { origin: 'https://127.0.0.1:1' },
  }
  for (const [what, given] of Object.entries(cases))
    test(`is left to the other sender: ${what}`, async (t) => {
      const server = await startRawServer(t, (socket) => socket.write(FINAL))
      const { get, others } = openPlain(t)
      const { reply } = get(server.url, given)
      // What undici makes of it is its own.
      await reply.then(readAll).catch(() => undefined)
      assert.equal(others.length, 1)
      assert.ok(server.requests.every((request) => !/^(?:A|c): /m.test(request)))
    })

  test('is one of all when this Node cannot read into memory that it is given', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(FINAL))
    const connect = loadUndici().buildConnector({ timeout: 10_000 })
    let connects = 0
    const { get, others } = openPlain(t, {
      connect: (options, callback) =>
        connect(options, (...[error, socket]: Parameters<typeof callback>) => {
          connects += 1
          if (error !== null) return callback(error, null)
          Object.defineProperty(Reflect.get(socket, '_handle'), 'useUserBuffer', { value: undefined })
          callback(null, socket)
        }),
    })
    for (let round = 1; round <= 3; round += 1) {
      const asked = get(server.url)
      assert.equal(await readText(asked.reply), 'right')
      assert.equal(asked.ends(), 1)
      assert.equal(others.length, round)
    }
    assert.equal(connects, 1)
    assert.equal(server.requests.length, 3)
  })
})

describe('a request of the simple form', () => {
  test('is sent as undici sends it', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(FINAL))
    const headers = { 'user-agent': 'pinyon/test', 'accept-encoding': 'identity', 'if-none-match': '"a b"' }
    const { get, sender } = openPlain(t)
    await readAll(get(`${server.url}a/b%20c?d=[e]&f=%7B`, { headers }).reply)
    await readAll(get(`${server.url}a/b%20c?d=[e]&f=%7B`, { headers: { ...headers, odd: '\xe4' } }).reply)
    const [plain, undici] = server.requests
    assert.equal(plain, undici?.replace(/odd: .*\r\n/, ''))
    await sender.close()
  })
})
