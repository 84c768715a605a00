import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { gate } from './gate.ts'
import { httpGet, parseRawReply, rawRequest } from './http-get.ts'
import { seededBytes } from './seeded-bytes.ts'
import { tempDir } from './temp-dir.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const CONTENT = seededBytes('file', 200_000)

async function serveFile(t: TestContext): Promise<Upstream> {
  const root = tempDir(t)
  mkdirSync(join(root, 'dir'))
  writeFileSync(join(root, 'dir/a+b.rpm'), CONTENT)
  return startUpstream(t, root)
}

describe('an upstream that behaves', () => {
  test('serves a file under each spelling of its name, and logs it', async (t) => {
    const upstream = await serveFile(t)
    for (const path of ['dir/a+b.rpm', 'dir/a%2bb.rpm?x=1']) {
      const reply = await httpGet(upstream.url + path)
      assert.deepEqual([reply.status, reply.complete, reply.body.equals(CONTENT)], [200, true, true])
    }
    await upstream.settled()
    assert.deepEqual(
      upstream.requests.map(({ index, path, status, bytesSent, complete }) => [
        index,
        path,
        status,
        bytesSent,
        complete,
      ]),
      [
        [0, '/dir/a+b.rpm', 200, 200_000, true],
        [1, '/dir/a%2bb.rpm?x=1', 200, 200_000, true],
      ],
    )
    assert.equal(upstream.count('a+b.rpm'), 1)
    assert.equal(upstream.count(/rpm/), 2)
  })

  test('answers HEAD, conditions, ranges and what is not there', async (t) => {
    const { url } = await serveFile(t)
    const head = await httpGet(`${url}dir/a+b.rpm`, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '200000', 0])
    const ask = (headers: Record<string, string>) => httpGet(`${url}dir/a+b.rpm`, { headers })
    const etag = head.headers.etag ?? ''
    assert.equal((await ask({ 'If-None-Match': etag })).status, 304)
    assert.equal((await ask({ 'If-None-Match': '"other"' })).status, 200)
    assert.equal((await ask({ 'If-Modified-Since': head.headers['last-modified'] ?? '' })).status, 304)
    const range = await ask({ Range: 'bytes=10-19', 'If-Range': etag })
    assert.deepEqual([range.status, range.headers['content-range']], [206, 'bytes 10-19/200000'])
    assert.deepEqual(range.body, CONTENT.subarray(10, 20))
    assert.deepEqual((await ask({ Range: 'bytes=-5' })).body, CONTENT.subarray(-5))
    assert.equal((await ask({ Range: 'bytes=10-19', 'If-Range': '"other"' })).status, 200)
    assert.equal((await ask({ Range: 'bytes=200000-' })).status, 416)
    for (const path of ['absent', 'dir', '../etc/passwd', '%00', '%']) {
      assert.equal((await httpGet(url + path)).status, 404, path)
    }
  })

  test('can be another tree, down, and up again on the same port', async (t) => {
    const upstream = await serveFile(t)
    upstream.root = tempDir(t)
    assert.equal((await httpGet(`${upstream.url}dir/a+b.rpm`)).status, 404)
    await upstream.stop()
    await assert.rejects(httpGet(upstream.url), { code: 'ECONNREFUSED' })
    const { port } = upstream
    await upstream.start()
    assert.equal(upstream.port, port)
    assert.equal((await httpGet(upstream.url)).status, 404)
  })
})

describe('an upstream that misbehaves', () => {
  test('cuts, shortens, flips and lies about lengths', async (t) => {
    const upstream = await serveFile(t)
    const get = () => httpGet(`${upstream.url}dir/a+b.rpm`)
    upstream.rules = [{ match: '.rpm', cutAt: 70_000 }]
    const cut = await get()
    assert.deepEqual(
      [cut.complete, cut.body.length, cut.headers['content-length']],
      [false, 70_000, '200000'],
    )
    upstream.rules = [{ match: '.rpm', shortenTo: 5 }]
    const short = await get()
    assert.deepEqual([short.complete, short.body], [true, CONTENT.subarray(0, 5)])
    upstream.rules = [{ match: '.rpm', flipByteAt: 150_000 }]
    const flipped = await get()
    assert.deepEqual(flipped.body.subarray(0, 150_000), CONTENT.subarray(0, 150_000))
    assert.deepEqual(flipped.body.subarray(150_001), CONTENT.subarray(150_001))
    assert.notEqual(flipped.body[150_000], CONTENT[150_000])
    upstream.rules = [{ match: '.rpm', contentLength: 200_001 }]
    assert.equal((await get()).complete, false)
    await upstream.settled()
    assert.equal(upstream.requests.at(-1)?.complete, false)
  })

  test('announces no length', async (t) => {
    const upstream = await serveFile(t)
    upstream.rules = () => ({ framing: 'chunked', headers: { 'Content-Encoding': 'gzip' } })
    const chunked = await httpGet(`${upstream.url}dir/a+b.rpm`)
    assert.equal(chunked.headers['transfer-encoding'], 'chunked')
    assert.equal(chunked.headers['content-encoding'], 'gzip')
    assert.deepEqual(chunked.body, CONTENT)
    upstream.rules = () => ({ framing: 'close' })
    const raw = parseRawReply(await rawRequest(upstream.port, 'GET /dir/a+b.rpm HTTP/1.1\r\nHost: x\r\n\r\n'))
    const names = raw.rawHeaders.map(([name]) => name)
    assert.deepEqual([names.includes('Content-Length'), names.includes('Transfer-Encoding')], [false, false])
    assert.deepEqual(raw.body, CONTENT)
  })

  test('answers with something else, for as many requests as a rule says', async (t) => {
    const upstream = await serveFile(t)
    upstream.rules = [
      { match: '.rpm', times: 1, status: 503, headers: { 'Retry-After': '1' } },
      { match: '.rpm', times: 1, html: true },
      { match: '.rpm', times: 1, redirectTo: '/elsewhere' },
      { match: '.rpm', times: 1, hangUp: true },
    ]
    const get = () => httpGet(`${upstream.url}dir/a+b.rpm`)
    const unavailable = await get()
    assert.deepEqual([unavailable.status, unavailable.headers['retry-after']], [503, '1'])
    assert.equal((await get()).headers['content-type'], 'text/html')
    const redirect = await get()
    assert.deepEqual([redirect.status, redirect.headers.location], [302, '/elsewhere'])
    await assert.rejects(get(), { code: 'ECONNRESET' })
    assert.deepEqual((await get()).body, CONTENT)
  })

  test('waits at gates, drips, and calls before it serves', async (t) => {
    const upstream = await serveFile(t)
    const [begin, rest] = [gate(), gate()]
    const seen: number[] = []
    upstream.rules = (request) => ({
      before: () => void seen.push(request.index),
      hold: begin,
      stall: { afterBytes: 100_000, until: rest },
      bytesPerTick: 30_000,
    })
    const reply = httpGet(`${upstream.url}dir/a+b.rpm`)
    await upstream.waitFor('.rpm')
    assert.deepEqual([seen, upstream.requests[0]?.status], [[0], 0])
    begin.open()
    while (upstream.requests[0]?.bytesSent !== 100_000) await new Promise(setImmediate)
    rest.open()
    assert.deepEqual((await reply).body, CONTENT)
  })

  test('survives clients that leave in the middle', async (t) => {
    const upstream = await serveFile(t)
    const rest = gate()
    upstream.rules = [{ match: '.rpm', times: 1, stall: { afterBytes: 0, until: rest } }]
    const controller = new AbortController()
    const left = httpGet(`${upstream.url}dir/a+b.rpm`, { signal: controller.signal })
    await upstream.waitFor('.rpm')
    controller.abort()
    await left.then(
      (reply) => assert.equal(reply.complete, false),
      (error: Error) => assert.equal(error.name, 'AbortError'),
    )
    rest.open()
    assert.equal((await httpGet(`${upstream.url}dir/a+b.rpm`)).complete, true)
    await upstream.settled()
    assert.deepEqual(
      upstream.requests.map((request) => request.complete),
      [false, true],
    )
  })
})
