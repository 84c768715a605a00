import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'

import { PinyonError } from '../../src/model/errors.ts'
import { openUpstream, readBody } from './open-upstream.ts'
import { formatReply, startRawServer } from './raw-server.ts'

/** What a broken or hostile source may send, and the error it must end in. */
const CASES: Readonly<Record<string, readonly [(socket: Socket) => void, string]>> = {
  'nothing at all': [(socket) => socket.end(), 'UPSTREAM_UNREACHABLE'],
  'a reset': [(socket) => socket.resetAndDestroy(), 'UPSTREAM_UNREACHABLE'],
  'no HTTP': [(socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), 'UPSTREAM_UNREACHABLE'],
  'half a head': [(socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le'), 'UPSTREAM_UNREACHABLE'],
  'a head without end': [
    (socket) => socket.write(`HTTP/1.1 200 OK\r\n${'X-Filler: 0123456789\r\n'.repeat(100_000)}`),
    'UPSTREAM_UNREACHABLE',
  ],
  'a header without end': [
    (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1_000_000)}`),
    'UPSTREAM_UNREACHABLE',
  ],
  'a control character in a header': [
    (socket) => socket.write('HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n'),
    'UPSTREAM_UNREACHABLE',
  ],
  'a length that is none': [
    (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'),
    'UPSTREAM_UNREACHABLE',
  ],
  'two lengths': [
    (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'),
    'UPSTREAM_UNREACHABLE',
  ],
  'a length and chunks': [
    (socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
      ),
    'UPSTREAM_UNREACHABLE',
  ],
  'a chunk that is none': [
    (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\na\r\n'),
    'UPSTREAM_SHORT',
  ],
  'an early hint and then nothing': [
    (socket) => socket.end('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'),
    'UPSTREAM_UNREACHABLE',
  ],
  'another protocol': [
    (socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    'UPSTREAM_UNREACHABLE',
  ],
}

describe('a source that sends', () => {
  for (const [what, [answer, code]] of Object.entries(CASES)) {
    test(`${what} fails the request, and that alone`, async (t) => {
      let hostile = true
      const server = await startRawServer(t, (socket) => {
        if (hostile) answer(socket)
        else socket.write(formatReply(200, [], 'right'))
      })
      const { upstream } = openUpstream(t, [server.url])
      const failed = upstream.get('file').then(readBody)
      await assert.rejects(failed, (error) => {
        assert.ok(error instanceof PinyonError)
        assert.equal(error.code, code, error.message)
        assert.ok(error.message.includes(`${server.url}file`), error.message)
        return true
      })
      hostile = false
      assert.equal((await readBody(await upstream.get('file'))).toString(), 'right')
    })
  }

  test('odd headers harms nobody', async (t) => {
    const headers = [
      '__proto__: polluted',
      'constructor: x',
      'ETag: "a"',
      'ETag: "b"',
      'Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT',
      'Last-Modified: x',
      `Set-Cookie: ${'x'.repeat(8_000)}`,
    ]
    const server = await startRawServer(t, (socket) => socket.write(formatReply(200, headers, 'right')))
    const { upstream } = openUpstream(t, [server.url])
    const reply = await upstream.get('file')
    assert.equal((await readBody(reply)).toString(), 'right')
    assert.deepEqual(reply.validators, {})
  })
})

test('a status below all others is told in words, and its connection is given up', async (t) => {
  const server = await startRawServer(t, (socket) =>
    socket.write('HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n'),
  )
  const { upstream } = openUpstream(t, [server.url])
  await assert.rejects(upstream.get('x'), /could not be reached: its answer is none of HTTP$/)
  await server.waitForConnections(0)
})

test('early hints without end are no answer in time', async (t) => {
  const server = await startRawServer(t, (socket) => {
    const hint = () => socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n')
    const timer = setInterval(hint, 20)
    socket.on('close', () => clearInterval(timer))
    hint()
  })
  const { upstream } = openUpstream(t, [server.url], { timeoutMs: 100 })
  await assert.rejects(upstream.get('file'), {
    code: 'UPSTREAM_TIMEOUT',
    message: /did not answer within: 0.2 s/,
  })
})

describe('interim answers', () => {
  test('before the real one are passed over', async (t) => {
    const server = await startRawServer(t, (socket) =>
      socket.write(formatHints(64) + formatReply(200, [], 'right')),
    )
    const { upstream } = openUpstream(t, [server.url])
    assert.equal((await readBody(await upstream.get('file'))).toString(), 'right')
  })

  test('in any number are given up: each takes time of everybody else', async (t) => {
    const server = await startRawServer(t, (socket) =>
      socket.write(formatHints(65) + formatReply(200, [], 'right')),
    )
    const { upstream } = openUpstream(t, [server.url])
    await assert.rejects(upstream.get('file'), {
      code: 'UPSTREAM_UNREACHABLE',
      message: `${server.url}file could not be reached: more answers in between came than: 64`,
    })
    await server.waitForConnections(0)
  })
})

describe('a body in chunks', () => {
  test('of a line each is read', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(formatChunks(64, 20_000)))
    const { upstream } = openUpstream(t, [server.url])
    assert.equal((await readBody(await upstream.get('file'))).length, 1_280_000)
  })

  test('of a byte each is given up: taking it apart takes time of everybody else', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(formatChunks(1, 20_000)))
    const { upstream } = openUpstream(t, [server.url])
    const reply = await upstream.get('file')
    await assert.rejects(readBody(reply), (error) => {
      assert.ok(error instanceof PinyonError)
      assert.equal(error.code, 'UPSTREAM_SHORT')
      assert.match(
        error.message,
        /\/file broke off after \d+ bytes: given up, as 8192 pieces had 8192 bytes$/,
      )
      return true
    })
    await server.waitForConnections(0)
  })
})

function formatHints(count: number): string {
  return 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(count)
}

function formatChunks(size: number, count: number): string {
  const chunk = `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(count)}0\r\n\r\n`
}
