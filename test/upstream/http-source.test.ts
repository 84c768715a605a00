import assert from 'node:assert/strict'
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { assertBytes } from '../contract/assert-bytes.ts'
import { gate } from '../support/gate.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { openUpstream, readBody } from './open-upstream.ts'
import { formatReply, startRawServer } from './raw-server.ts'
import { startSource } from './settled-file.ts'

const CONTENT = seededBytes('body', 200_000)
/** Real time that a test waits for a timeout; everything else in these tests is far faster. */
const SHORT_MS = 700

describe('a request by http', () => {
  test('says who asks and wants the bytes as they are', async (t) => {
    const source = await startSource(t, CONTENT)
    const { upstream } = openUpstream(t, [source.url])
    const reply = await upstream.get('file')
    assert.deepEqual([reply.status, reply.baseurl], [200, source.url])
    assertBytes(await readBody(reply), CONTENT)
    const { headers } = source.requests[0] ?? {}
    assert.deepEqual([headers?.['user-agent'], headers?.['accept-encoding']], ['pinyon/test', 'identity'])
  })

  test('gives bytes as they were transferred, whatever coding they are said to be in', async (t) => {
    const source = await startSource(t, CONTENT)
    const zipped = gzipSync(CONTENT)
    writeFileSync(join(source.root, 'file'), zipped)
    const { upstream } = openUpstream(t, [source.url])
    for (const coding of ['gzip', 'br', 'x-unknown']) {
      source.rules = [{ match: 'file', headers: { 'Content-Encoding': coding } }]
      assertBytes(await readBody(await upstream.get('file')), zipped)
    }
  })

  test('takes what a proxy says that it may have changed: the digest tells', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(formatReply(203, [], 'right')))
    const { upstream } = openUpstream(t, [server.url])
    const reply = await upstream.get('file')
    assert.deepEqual([reply.status, (await readBody(reply)).toString()], [200, 'right'])
  })

  for (const framing of ['chunked', 'close'] as const) {
    test(`gives a body without an announced length: ${framing}`, async (t) => {
      const source = await startSource(t, CONTENT)
      source.rules = [{ match: 'file', framing }]
      const { upstream } = openUpstream(t, [source.url])
      assertBytes(await readBody(await upstream.get('file')), CONTENT)
    })
  }

  test('tells a body that was cut from a whole one', async (t) => {
    const source = await startSource(t, CONTENT)
    const { upstream } = openUpstream(t, [source.url])
    const cases = [
      { cutAt: 100_000 },
      { cutAt: 0 },
      { contentLength: CONTENT.length + 1 },
      { framing: 'chunked', cutAt: 100_000 },
    ] as const
    for (const behaviour of cases) {
      source.rules = [{ match: 'file', ranges: 'ignored', ...behaviour }]
      const reply = await upstream.get('file')
      await assert.rejects(readBody(reply), { code: 'UPSTREAM_SHORT' }, JSON.stringify(behaviour))
    }
    source.rules = [{ match: 'file', shortenTo: 100 }]
    assert.equal((await readBody(await upstream.get('file'))).length, 100)
  })

  test('reads no more than the announced length', async (t) => {
    const server = await startRawServer(t, (socket) =>
      socket.write(formatReply(200, ['Content-Length: 4'], 'right and more')),
    )
    const { upstream } = openUpstream(t, [server.url])
    const body = await readBody(await upstream.get('file')).catch((error: { code?: string }) => error.code)
    assert.ok(Buffer.isBuffer(body) ? body.toString() === 'righ' : body === 'UPSTREAM_SHORT', String(body))
  })

  test('gives its connection free when a body is given up, and uses it again after one that was read', async (t) => {
    const server = await startRawServer(t, (socket, request) => {
      if (request.startsWith('GET /small')) socket.write(formatReply(200, [], 'small'))
      else socket.write(formatReply(200, [`Content-Length: ${1 << 20}`], 'x'.repeat(1_000)))
    })
    const { upstream } = openUpstream(t, [server.url])
    for (let round = 0; round < 50; round += 1) {
      const reply = await upstream.get('large')
      for await (const chunk of reply.body) {
        assert.ok(chunk.length > 0)
        break
      }
    }
    await server.waitForConnections(0)
    for (let round = 0; round < 50; round += 1) await readBody(await upstream.get('small'))
    assert.equal(server.requests.length, 100)
    // One may be opened while the last answer's end is still on its way.
    assert.ok(server.connections() <= 2, String(server.connections()))
  })
})

describe('a source that is slow', () => {
  test('to answer is given up', async (t) => {
    const source = await startSource(t, CONTENT)
    const { upstream } = openUpstream(t, [source.url], { timeoutMs: SHORT_MS })
    source.rules = [{ match: 'file', hold: gate() }]
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_TIMEOUT' })
    await source.stop()
  })

  test('in the middle of a body is given up', async (t) => {
    const source = await startSource(t, CONTENT)
    const { upstream } = openUpstream(t, [source.url], { timeoutMs: SHORT_MS })
    source.rules = [{ match: 'file', ranges: 'ignored', stall: { afterBytes: 100_000, until: gate() } }]
    const reply = await upstream.get('file')
    await assert.rejects(readBody(reply), { code: 'UPSTREAM_TIMEOUT' })
    await source.stop()
  })

  test('and sends a byte now and then is given up', async (t) => {
    const source = await startSource(t, CONTENT)
    let nowMs = 0
    // An hour for each piece of 1,000 bytes, then a minute of ten seconds a piece.
    const clock = { stepMs: 3_600_000 }
    const now = () => (nowMs += clock.stepMs)
    const { upstream } = openUpstream(t, [source.url], { timeoutMs: 30_000, now })
    source.rules = [{ match: 'file', bytesPerTick: 1_000 }]
    const reply = await upstream.get('file')
    await assert.rejects(readBody(reply), { code: 'UPSTREAM_TIMEOUT', message: /too slowly: 0 bytes\/s$/ })
    clock.stepMs = 1
    assertBytes(await readBody(await upstream.get('file')), CONTENT)
  })

  test('in what nobody wants of it delays nothing', async (t) => {
    const endless = ['Content-Length: 1000000']
    const server = await startRawServer(t, (socket, request) => {
      if (request.startsWith('GET /moved'))
        socket.write(formatReply(302, ['Location: /file', ...endless], 'x'))
      else if (request.startsWith('GET /gone')) socket.write(formatReply(404, endless, 'x'))
      else socket.write(formatReply(200, [], 'here'))
    })
    const { upstream } = openUpstream(t, [server.url])
    assert.equal((await readBody(await upstream.get('moved'))).toString(), 'here')
    await assert.rejects(upstream.get('gone'), { code: 'UPSTREAM_GONE' })
    // More than is worth reading, so that their connections were closed.
    await server.waitForConnections(0)
  })
})

describe('a conditional request', () => {
  test('is made of the source that gave the validators, and of no other', async (t) => {
    const [first, second] = [await startSource(t, CONTENT), await startSource(t, CONTENT)]
    const { upstream } = openUpstream(t, [first.url, second.url])
    const reply = await upstream.get('file')
    await readBody(reply)
    const validators = { ...reply.validators, baseurl: reply.baseurl }
    assert.deepEqual(Object.keys(validators).toSorted(), ['baseurl', 'etag', 'lastModified'])
    const unchanged = await upstream.get('file', { validators })
    assert.deepEqual([unchanged.status, unchanged.baseurl], [304, first.url])
    assert.deepEqual(unchanged.validators, { ...reply.validators, baseurl: first.url })
    assert.equal((await readBody(unchanged)).length, 0)
    first.rules = [{ match: 'file', status: 503 }]
    const other = await upstream.get('file', { validators })
    assert.deepEqual([other.status, other.baseurl], [200, second.url])
    assertBytes(await readBody(other), CONTENT)
    const { headers } = second.requests[0] ?? {}
    assert.deepEqual([headers?.['if-none-match'], headers?.['if-modified-since']], [undefined, undefined])
  })

  test('is answered with the file once it has changed', async (t) => {
    const source = await startSource(t, CONTENT)
    const { upstream } = openUpstream(t, [source.url])
    const reply = await upstream.get('file')
    await readBody(reply)
    writeFileSync(join(source.root, 'file'), 'changed')
    const validators = { ...reply.validators, baseurl: reply.baseurl }
    const changed = await upstream.get('file', { validators })
    assert.equal(changed.status, 200)
    assert.equal((await readBody(changed)).toString(), 'changed')
    assert.notEqual(changed.validators.etag, reply.validators.etag)
  })

  test('is not made of a file that changed as it was sent: within that second it may again', async (t) => {
    const source = await startSource(t, CONTENT)
    const { upstream } = openUpstream(t, [source.url])
    utimesSync(join(source.root, 'file'), new Date(), new Date())
    const reply = await upstream.get('file')
    await readBody(reply)
    assert.deepEqual(reply.validators, {})
  })

  test('is never made with what cannot be sent', async (t) => {
    const odd = ['\u00e9', '"\u0080"', '"x'.padEnd(2_000, 'x'), '']
    for (const etag of odd) {
      const server = await startRawServer(t, (socket) =>
        socket.write(formatReply(200, [`ETag: ${etag}`], 'x')),
      )
      const { upstream } = openUpstream(t, [server.url])
      for (let round = 0; round < 2; round += 1) {
        const reply = await upstream.get('file')
        await readBody(reply)
        const again = await upstream.get('file', { validators: { ...reply.validators, baseurl: server.url } })
        await readBody(again)
      }
      assert.ok(server.requests.every((request) => !/if-none-match/i.test(request)))
    }
  })
})

describe('a redirect', () => {
  test('is followed, five times', async (t) => {
    const [source, other] = [await startSource(t, CONTENT), await startSource(t, CONTENT)]
    const { upstream } = openUpstream(t, [source.url])
    const hops = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        match: `/${index === 0 ? 'file' : `hop${index}`}`,
        redirectTo: index === count - 1 ? `${other.url}file` : `/hop${index + 1}`,
        status: [301, 302, 303, 307, 308][index % 5] ?? 302,
      }))
    source.rules = hops(5)
    const reply = await upstream.get('file')
    assert.equal(reply.baseurl, source.url)
    assertBytes(await readBody(reply), CONTENT)
    source.rules = hops(6)
    await assert.rejects(upstream.get('file'), {
      code: 'UPSTREAM_STATUS',
      message: /redirects more often than: 5/,
    })
  })

  test('that leads in a circle is refused', async (t) => {
    const source = await startSource(t, CONTENT)
    const { upstream } = openUpstream(t, [source.url])
    source.rules = [{ match: 'file', redirectTo: '/file' }]
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_STATUS' })
    assert.equal(source.count(), 6)
  })

  test('is taken from the place it was found at, and conditions go along', async (t) => {
    const source = await startSource(t, CONTENT)
    const { upstream } = openUpstream(t, [`${source.url}a/b/`])
    source.rules = [{ match: /^\/a\/b\/file$/, redirectTo: '../../file#fragment' }]
    const reply = await upstream.get('file')
    assertBytes(await readBody(reply), CONTENT)
    const unchanged = await upstream.get('file', {
      validators: { ...reply.validators, baseurl: reply.baseurl },
    })
    assert.equal(unchanged.status, 304)
    assert.deepEqual(
      source.requests.map(({ path }) => path),
      ['/a/b/file', '/file', '/a/b/file', '/file'],
    )
  })

  for (const location of ['file:///etc/passwd', 'ftp://host/', 'http://', 'http://[', 'gopher:x', '']) {
    test(`to what may not be asked is refused: ${JSON.stringify(location)}`, async (t) => {
      const server = await startRawServer(t, (socket) =>
        socket.write(formatReply(302, [`Location: ${location}`], 'x')),
      )
      const { upstream } = openUpstream(t, [server.url], { retries: 0 })
      await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_STATUS' })
    })
  }

  test('without a place, or with two, is refused', async (t) => {
    for (const headers of [[], ['Location: /a', 'Location: /b']]) {
      const server = await startRawServer(t, (socket) => socket.write(formatReply(302, headers, 'x')))
      await assert.rejects(openUpstream(t, [server.url]).upstream.get('file'), { code: 'UPSTREAM_STATUS' })
    }
  })
})
