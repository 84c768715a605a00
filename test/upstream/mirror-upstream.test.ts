import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { PinyonError } from '../../src/model/errors.ts'
import { gate } from '../support/gate.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { openUpstream, readBody } from './open-upstream.ts'

const NOBODY = 'http://127.0.0.1:1/'

/** So many sources, each of which has `name`, with its number in it. */
async function startSources(t: TestContext, count: number): Promise<Upstream[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const root = tempDir(t)
      writeFileSync(join(root, 'file'), `${index}`)
      return startUpstream(t, root)
    }),
  )
}

function urls(sources: readonly Upstream[]): string[] {
  return sources.map(({ url }) => url)
}

describe('the sources of a mirror', () => {
  test('are asked in their order, and the first to have a file gives it', async (t) => {
    const sources = await startSources(t, 3)
    const { upstream, pauses } = openUpstream(t, urls(sources), { retries: 2 })
    const [first, second] = sources
    const get = async () => (await readBody(await upstream.get('file'))).toString()
    assert.equal(await get(), '0')
    if (first) first.rules = [{ match: 'file', status: 404 }]
    assert.equal(await get(), '1')
    if (second) second.rules = [{ match: 'file', status: 503 }]
    assert.equal(await get(), '2')
    await Promise.all(sources.map((source) => source.stop()))
    assert.deepEqual(
      sources.map((source) => source.count()),
      [3, 2, 1],
    )
    assert.deepEqual(pauses, [])
  })

  test('are asked round robin from any of them on', async (t) => {
    const sources = await startSources(t, 3)
    const { upstream } = openUpstream(t, urls(sources))
    const from = async (firstBaseurl: number) => {
      const reply = await upstream.get('file', { firstBaseurl })
      return [(await readBody(reply)).toString(), urls(sources).indexOf(reply.baseurl)]
    }
    assert.deepEqual(await Promise.all([0, 1, 2, 3, 4].map(from)), [
      ['0', 0],
      ['1', 1],
      ['2', 2],
      ['0', 0],
      ['1', 1],
    ])
    for (const source of sources.slice(1)) source.rules = [{ match: 'file', status: 500 }]
    assert.deepEqual(await from(1), ['0', 0])
    assert.deepEqual(
      sources.map((source) => source.count()),
      [3, 3, 2],
    )
  })

  test('are asked alone when a request says so', async (t) => {
    const [first, second] = await startSources(t, 2)
    assert.ok(first && second)
    const { upstream } = openUpstream(t, [first.url, second.url])
    second.rules = [{ match: 'file', status: 500 }]
    await assert.rejects(upstream.get('file', { onlyBaseurl: second.url }), { code: 'UPSTREAM_STATUS' })
    assert.equal(first.count(), 0)
  })

  test('are asked again after pauses that double, up to a limit', async (t) => {
    const [source] = await startSources(t, 1)
    assert.ok(source)
    const { upstream, pauses } = openUpstream(t, [source.url, NOBODY], { retries: 7 })
    source.rules = [{ match: 'file', times: 7, status: 503 }]
    assert.equal((await readBody(await upstream.get('file'))).toString(), '0')
    assert.deepEqual(pauses, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000])
    assert.equal(source.count(), 8)
  })

  test('are not asked again when they have no such file', async (t) => {
    const sources = await startSources(t, 2)
    const { upstream, pauses } = openUpstream(t, urls(sources), { retries: 5 })
    await assert.rejects(upstream.get('absent'), { code: 'UPSTREAM_GONE' })
    assert.deepEqual(
      sources.map((source) => source.count()),
      [1, 1],
    )
    assert.deepEqual(pauses, [])
    for (const source of sources) source.rules = [{ match: 'file', status: 410 }]
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_GONE' })
  })

  for (const order of ['before', 'after'] as const) {
    for (const retries of [0, 2]) {
      void test(`do not agree that a file is gone while one cannot be asked: it comes ${order}, retries ${retries}`, async (t) => {
        const [source] = await startSources(t, 1)
        assert.ok(source)
        const baseurls = order === 'before' ? [NOBODY, source.url] : [source.url, NOBODY]
        const { upstream, pauses } = openUpstream(t, baseurls, { retries })
        await assert.rejects(upstream.get('absent'), {
          code: 'UPSTREAM_UNREACHABLE',
          message: /ECONNREFUSED/,
        })
        assert.equal(source.count(), 1)
        assert.deepEqual(pauses, [250, 500].slice(0, retries))
      })
    }
  }

  for (const status of [500, 502, 503, 504, 401, 403, 429, 204, 206, 304, 300, 418]) {
    test(`may answer what is neither the file nor its absence: ${status}`, async (t) => {
      const [source] = await startSources(t, 1)
      assert.ok(source)
      const { upstream } = openUpstream(t, [source.url], { retries: 1 })
      source.rules = [{ match: 'file', status }]
      await assert.rejects(upstream.get('file'), (error) => {
        assert.ok(error instanceof PinyonError)
        assert.deepEqual([error.code, error.facts], ['UPSTREAM_STATUS', { status }])
        const hint = status === 401 ? ' wants credentials (username and password, or bearer_token), and' : ''
        assert.equal(error.message, `${source.url}file${hint} answered: ${status}`)
        return true
      })
      assert.equal(source.count(), 2)
    })
  }

  test('must be some', async (t) => {
    const { upstream } = openUpstream(t, [])
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_UNREACHABLE' })
  })
})

describe('a request that is aborted', () => {
  const reason = new PinyonError('SHUTTING_DOWN', 'stop')

  test('ends with the reason while it waits for an answer, and frees the connection', async (t) => {
    const [source] = await startSources(t, 1)
    assert.ok(source)
    const { upstream } = openUpstream(t, [source.url], { retries: 3 })
    source.rules = [{ match: 'file', hold: gate() }]
    const stop = new AbortController()
    const asked = upstream.get('file', { signal: stop.signal })
    await source.waitFor('file')
    stop.abort(reason)
    await assert.rejects(asked, reason)
    assert.equal(source.count(), 1)
    await assert.rejects(upstream.get('file', { signal: stop.signal }), reason)
    assert.equal(source.count(), 1)
  })

  test('ends with the reason in the middle of a body', async (t) => {
    const [source] = await startSources(t, 1)
    assert.ok(source)
    writeFileSync(join(source.root, 'file'), Buffer.alloc(100_000))
    const { upstream } = openUpstream(t, [source.url])
    source.rules = [{ match: 'file', stall: { afterBytes: 50_000, until: gate() } }]
    const stop = new AbortController()
    const reply = await upstream.get('file', { signal: stop.signal })
    const body = readBody(reply)
    stop.abort(reason)
    await assert.rejects(body, reason)
    // A body that nobody has begun to read may be aborted as well: an uncaught error here would fail the test.
    const early = new AbortController()
    const unread = await upstream.get('file', { signal: early.signal })
    early.abort(reason)
    await assert.rejects(readBody(unread), reason)
  })

  test('ends with the reason in a pause', async (t) => {
    const stop = new AbortController()
    const { upstream } = openUpstream(t, [NOBODY], { retries: 1 })
    const { upstream: waiting } = openUpstream(t, [NOBODY], {
      retries: 1,
      sleep: (_, signal) => {
        stop.abort(reason)
        return Promise.reject(signal?.reason as Error)
      },
    })
    await assert.rejects(waiting.get('file', { signal: stop.signal }), reason)
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_UNREACHABLE' })
  })

  test('ends with the reason in a real pause', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const [source] = await startSources(t, 1)
    assert.ok(source)
    source.rules = [{ match: 'file', status: 503 }]
    const { upstream } = openUpstream(t, [source.url], { retries: 1, sleep: undefined as never })
    const stop = new AbortController()
    const asked = upstream.get('file', { signal: stop.signal })
    await source.waitFor('file')
    await source.settled()
    // A whole further exchange: by its end the first one's answer has long been read.
    await assert.rejects(upstream.get('absent'), { code: 'UPSTREAM_GONE' })
    stop.abort(reason)
    await assert.rejects(asked, reason)
    assert.equal(source.count('file'), 1)
  })
})

test('what this machine lacks to connect is told, and not laid to the source', async (t) => {
  const { upstream } = openUpstream(t, ['http://localhost:1/'], { lookup: lookUpWithoutFiles })
  await assert.rejects(upstream.get('file'), {
    code: 'UPSTREAM_UNREACHABLE',
    message: "http://localhost:1/file could not be asked, for want of this machine's: EMFILE",
  })
  assert.deepEqual(
    upstream.health.map(({ state, failures, error }) => ({ state, failures, error })),
    [{ state: 'ok', failures: 0, error: undefined }],
  )
})

const lookUpWithoutFiles: LookupFunction = (_host, _options, done) =>
  done(Object.assign(new Error('open'), { code: 'EMFILE' }), [])
