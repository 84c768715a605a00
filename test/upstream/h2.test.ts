import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import {
  createSecureServer,
  type Http2Stream,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import type { MirrorUpstream } from '../../src/upstream/mirror-upstream.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { Authority } from '../support/pki.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { needs } from '../support/tools.ts'
import { knownBy, openUpstream, readBody } from './open-upstream.ts'

const CONTENT = seededBytes('by h2', 1 << 20)

/** Answers a request for a file from an offset on. */
type Answer = (stream: ServerHttp2Stream, offset: number, session: ServerHttp2Session) => void

/** Starts an h2 server that answers the first request by one function and further ones by another. */
async function startH2(
  t: TestContext,
  first: Answer,
  further: Answer = sendRest,
  timeoutMs = 10_000,
): Promise<{ upstream: MirrorUpstream; requests: () => number; sessions: () => number }> {
  const authority = await Authority.create(t)
  const issued = await authority.issue('localhost')
  const [cert, key] = [readFileSync(issued.cert), readFileSync(issued.key)]
  const server = createSecureServer({ cert, key })
  const sessions = new Set<ServerHttp2Session>()
  let [requests, opened] = [0, 0]
  server.on('session', (session) => {
    opened += 1
    sessions.add(session)
    session.on('error', () => undefined)
  })
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    requests += 1
    stream.on('error', () => undefined)
    const offset = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0)
    const session = (stream as Http2Stream).session as ServerHttp2Session
    ;(requests === 1 ? first : further)(stream, offset, session)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`
  const identity = knownBy({ ca: readFileSync(authority.ca, 'latin1') })
  const { upstream } = openUpstream(t, [url], { ...identity, timeoutMs })
  return { upstream, requests: () => requests, sessions: () => opened }
}

/** The file from an offset on, as nginx gives it. */
function sendRest(stream: ServerHttp2Stream, offset: number): void {
  const rest = CONTENT.subarray(offset)
  stream.respond({
    ':status': offset > 0 ? 206 : 200,
    'content-length': rest.length,
    etag: '"e"',
    ...(offset > 0 ? { 'content-range': `bytes ${offset}-${CONTENT.length - 1}/${CONTENT.length}` } : {}),
  })
  stream.end(rest)
}

/** Half of it, then something else. */
function sendHalf(then: (stream: ServerHttp2Stream, session: ServerHttp2Session) => void): Answer {
  return (stream, _offset, session) => {
    stream.respond({ ':status': 200, 'content-length': CONTENT.length, etag: '"e"' })
    stream.write(CONTENT.subarray(0, CONTENT.length / 2), () => then(stream, session))
  }
}

describe('an h2 server', needs('openssl'), () => {
  const cases: [string, Answer][] = [
    ['resets the stream', sendHalf((stream) => stream.close(2))],
    ['ends the stream early', sendHalf((stream) => stream.end())],
    ['breaks off the connection', sendHalf((_stream, session) => session.destroy())],
    ['goes away and breaks off', sendHalf((_stream, session) => (session.goaway(11), session.destroy()))],
  ]
  for (const [what, answer] of cases) {
    test(`that ${what} in the middle of a body is asked for the rest`, async (t) => {
      const { upstream, requests } = await startH2(t, answer)
      assertBytes(await readBody(await upstream.get('file', { size: CONTENT.length })), CONTENT)
      assert.equal(requests(), 2)
    })
  }

  test('that goes away when it has answered is connected to anew', async (t) => {
    const { upstream, sessions } = await startH2(t, (stream, offset, session) => {
      session.goaway(0)
      sendRest(stream, offset)
    })
    for (let count = 0; count < 2; count += 1)
      assertBytes(await readBody(await upstream.get('file')), CONTENT)
    assert.equal(sessions(), 2)
  })

  test('that resets the stream at once, or answers nothing, is in trouble', async (t) => {
    const { upstream } = await startH2(t, (stream) => stream.close(2))
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_UNREACHABLE' })
    const { upstream: mute } = await startH2(t, () => undefined, undefined, 100)
    await assert.rejects(mute.get('file'), { code: 'UPSTREAM_TIMEOUT' })
  })

  test('has a transfer that is given up no longer', async (t) => {
    const closed = Promise.withResolvers<void>()
    const { upstream } = await startH2(t, (stream) => {
      stream.respond({ ':status': 200 })
      stream.write(CONTENT)
      stream.on('close', () => closed.resolve())
    })
    const reply = await upstream.get('file')
    for await (const chunk of reply.body) {
      assert.ok(chunk.length > 0)
      break
    }
    await closed.promise
    assertBytes(await readBody(await upstream.get('file')), CONTENT)
  })
})
