import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { turnsUntil, WireSocket } from '../../fuzz/wire-socket.ts'
import { readMultipart } from '../multipart.ts'
import { formatRequest, startFastServer } from './fast-server.ts'

const RANGES = Array.from({ length: 256 }, (_, at) => [at * 64, at * 64 + 9] as const)
const RANGE = `Range: bytes=${RANGES.map(([start, end]) => `${start}-${end}`).join(',')}`
const TWO_LENGTHS = 'Transfer-Encoding: chunked\r\nContent-Length: 4'

function alike(text: string, boundary = ''): string {
  return text.replaceAll(boundary, 'it').replace(/^(Date|X-Request-Id): .*/gm, '$1:')
}

function answered(all: readonly WireSocket[] = []): number {
  return all.filter(({ sent }) => sent.length > 0).length
}

describe('several parts of a file', () => {
  for (const [where, size, limits] of [
    ['in memory', 20_000, {}],
    ['in a file', 300_000, { memoryBytes: 128 << 10 }],
  ] as const)
    test(`${where} are answered without node:http, and the same`, async (t) => {
      const { connect, handled, switchOn, bytesOf } = await startFastServer(t, [['/a', size]], limits)
      const fast = await (await connect()).get('/a', { headers: [RANGE] })
      assert.deepEqual(handled, [])
      switchOn(false)
      const slow = await (await connect()).get('/a', { headers: [RANGE] })
      assert.deepEqual(handled, ['/a'])
      const [one, other] = [fast, slow].map((reply) => {
        const boundary = /boundary=(\w+)/.exec(reply.header('content-type') ?? '')?.[1]
        return alike([reply.statusLine, ...reply.lines, reply.body.toString('latin1')].join('\n'), boundary)
      })
      assert.equal(one, other)
      const parts = readMultipart(fast.header('content-type') ?? '', fast.body)
      assert.deepEqual(
        parts.map(({ start, end }) => [start, end]),
        RANGES,
      )
      for (const { start, end, bytes } of parts)
        assert.deepEqual(bytes, bytesOf('/a').subarray(start, end + 1))
    })
})

describe('what is much work', () => {
  for (const [what, request] of [
    ['many ranges', formatRequest('/a', RANGE)],
    ['what is not there', formatRequest('/none')],
    ['what is known not to be there', formatRequest('/missing')],
    ['what is no simple request', 'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n'],
    [
      'a smuggled request',
      `GET / HTTP/1.1\r\nHost: h\r\n${TWO_LENGTHS}\r\n\r\n0\r\n\r\n${formatRequest('/a')}`,
    ],
    ['a head that is too large', formatRequest('/a', `X: ${'x'.repeat(40_000)}`)],
  ] as const)
    test(`waits for hits that come behind it: ${what}`, async (t) => {
      // Nothing takes any time: else more of it would follow in a turn in which the rest took long.
      t.mock.method(performance, 'now', () => 1_000)
      const { server } = await startFastServer(t, [['/a', 20_000]])
      const [many, hits] = [4, 4].map((count) => Array.from({ length: count }, () => new WireSocket()))
      const sockets = [...(many ?? []), ...(hits ?? [])]
      for (const socket of sockets) {
        server.serve(socket)
        t.after(() => socket.destroy())
      }
      for (const socket of many ?? []) socket.push(Buffer.from(request))
      for (const socket of hits ?? []) socket.push(Buffer.from(formatRequest('/a')))
      // Those that came together are answered one a turn, in whichever turn they are.
      let most = 0
      let before = 0
      await turnsUntil(() => {
        most = Math.max(most, answered(many) - before)
        before = answered(many)
        if (before > 0) assert.equal(answered(hits), 4)
        return answered(sockets) === sockets.length
      })
      assert.equal(most, 1)
    })

  test('is answered in its turn with what comes behind it, and not at all when its client has gone', async (t) => {
    const { server, handled } = await startFastServer(t, [['/a', 20_000]])
    const [stays, goes] = [new WireSocket(), new WireSocket()]
    for (const socket of [stays, goes]) {
      server.serve(socket)
      t.after(() => socket.destroy())
      socket.push(Buffer.from(formatRequest('/a', RANGE)))
    }
    // Each comes by itself, and before the turn.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    stays.push(Buffer.from(formatRequest('/a')))
    goes.destroy()
    await turnsUntil(() => stays.sent.length > 1)
    const statuses = [...stays.wire().matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)
    assert.deepEqual([statuses, goes.sent.length, handled], [['206', '200'], 0, []])
  })

  for (const [what, request] of [
    ['half a head', 'GET /a HTTP/1.1\r\nHos'],
    ['half a body', 'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf'],
    ['a whole request', formatRequest('/a', 'Expect: 100-continue')],
    ['two requests', formatRequest('/a') + formatRequest('/a', 'X-Odd: yes')],
  ] as const)
    test(`is answered as ever when its client says no more before its turn: ${what}`, async (t) => {
      const { server, switchOn } = await startFastServer(t, [['/a', 20_000]])
      const [fast = '', slow] = await Promise.all(
        [true, false].map(async (isOn) => {
          switchOn(isOn)
          const socket = new WireSocket()
          t.after(() => socket.destroy())
          server.serve(socket)
          socket.push(Buffer.from(request))
          socket.push(null)
          // Node tells the socket what it has told the client.
          socket.on('error', () => undefined)
          await new Promise((resolve) => socket.once('close', resolve))
          return socket.wire()
        }),
      )
      assert.match(fast, /^HTTP\/1\.1 \d{3} /)
      assert.equal(fast, slow)
    })
})
