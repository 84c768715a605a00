import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import type { MirrorUpstream, UpstreamOptions } from '../../src/upstream/mirror-upstream.ts'
import { SourceList, type Source } from '../../src/upstream/source-list.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { knownBy, openUpstream, readBody } from './open-upstream.ts'

const DIGEST = digestOf('file')

/** So many sources that all have `file`, listed, and whoever asks them. */
async function startListed(
  t: TestContext,
  count: number,
  options: Partial<UpstreamOptions> = {},
): Promise<{ sources: Upstream[]; upstream: MirrorUpstream; counts: () => number[] }> {
  const root = tempDir(t)
  writeFileSync(join(root, 'file'), 'file')
  const sources = await Promise.all(Array.from({ length: count }, () => startUpstream(t, root)))
  const { upstream } = openUpstream(t, [], options)
  upstream.list(
    sources.map(({ url }) => url),
    undefined,
  )
  return { sources, upstream, counts: () => sources.map((source) => source.count()) }
}

async function get(upstream: MirrorUpstream, digest = DIGEST): Promise<string> {
  const reply = await upstream.get('file', { digest })
  assert.equal((await readBody(reply)).toString(), 'file')
  reply.body.judge?.(true)
  return reply.baseurl
}

describe('the mirrors of a list', () => {
  test('fail over file by file, and one that has not got a file is asked for that one no more', async (t) => {
    const { sources, upstream, counts } = await startListed(t, 3)
    const [first, second] = sources
    assert.ok(first && second)
    first.rules = [{ match: 'file', status: 404 }]
    await get(upstream)
    await get(upstream)
    assert.deepEqual(counts(), [1, 2, 0])
    await get(upstream, digestOf('another file of that name'))
    assert.ok(first.count() + second.count() > 3, 'which one of another generation may well have')
  })

  test('that had not got a file are asked again when all others are in trouble', async (t) => {
    const { sources, upstream, counts } = await startListed(t, 2)
    const [first, second] = sources
    assert.ok(first && second)
    first.rules = [{ match: 'file', status: 404, times: 1 }]
    assert.equal(await get(upstream), second.url)
    await second.stop()
    assert.equal(await get(upstream), first.url)
    assert.deepEqual(counts(), [2, 1])
  })

  test('all of which have not got it are asked again, but not all of them, and who asks hears of each', async (t) => {
    const { sources, upstream, counts } = await startListed(t, 5)
    for (const source of sources) source.rules = [{ match: 'file', status: 404 }]
    const ask = async () => {
      const refusals = new Map<string, string>()
      const onRefusal = (baseurl: string, { code }: { code: string }) => void refusals.set(baseurl, code)
      await assert.rejects(upstream.get('file', { digest: DIGEST, onRefusal }), { code: 'UPSTREAM_GONE' })
      assert.equal(refusals.size, 5)
      assert.deepEqual([...new Set(refusals.values())], ['UPSTREAM_GONE'])
    }
    await ask()
    assert.deepEqual(counts(), [1, 1, 1, 1, 1])
    await ask()
    assert.equal(
      counts().reduce((sum, count) => sum + count),
      8,
    )
    for (const source of sources) source.rules = []
    await get(upstream)
  })

  test('all of which are in trouble are each tried once, rather than eleven times', async (t) => {
    const { sources, upstream, counts } = await startListed(t, 5, { retries: 10 })
    for (const source of sources) source.rules = [{ match: 'file', status: 500 }]
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_STATUS' })
    assert.deepEqual(counts(), [3, 3, 3, 3, 3])
  })

  test('of a public list are not asked at private addresses, by redirects neither', async (t) => {
    const { sources, counts } = await startListed(t, 2)
    const { upstream } = openUpstream(t, [])
    upstream.list(
      sources.map(({ url }) => url),
      'public',
    )
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_REFUSED' })
    assert.deepEqual(counts(), [0, 0])
    upstream.list([`http://localhost:${sources[0]?.port}/`], 'private')
    await assert.rejects(
      upstream.get('file'),
      { code: 'UPSTREAM_REFUSED' },
      'names are judged by their addresses',
    )
    upstream.list([`http://localhost:${sources[0]?.port}/`], 'loopback')
    assert.equal((await upstream.get('file')).status, 200)
  })

  test('are shown no credentials, while those of the configuration are', async (t) => {
    const { sources } = await startListed(t, 2)
    const [own, listed] = sources
    assert.ok(own && listed)
    const login = { username: 'ci', password: 'secret' }
    const { upstream } = openUpstream(t, [own.url], knownBy({ login }))
    upstream.list([listed.url], undefined)
    own.rules = [{ match: 'file', status: 404 }]
    assert.equal((await upstream.get('file')).baseurl, listed.url)
    assert.deepEqual(
      [own, listed].map(({ requests }) => requests.map(({ headers }) => headers.authorization !== undefined)),
      [[true], [false]],
    )
  })

  test('are known with the first request, when nobody has named them before', async (t) => {
    const { sources } = await startListed(t, 1)
    const prepare = async () => upstream.list([sources[0]?.url ?? ''], undefined)
    const { upstream } = openUpstream(t, [], { prepare })
    assert.equal(await get(upstream), sources[0]?.url)
  })
})

test('an answer says how far in the network its list may lead', async (t) => {
  const { sources } = await startListed(t, 1)
  const url = sources[0]?.url ?? ''
  for (const [options, expected] of [
    [{}, 'loopback'],
    [{ reachOf: () => 'public' as const }, 'public'],
  ] as const) {
    const { upstream } = openUpstream(t, [`${url}file`], options)
    assert.equal((await upstream.get('')).reach, expected)
  }
})

/** Sources that a test says things of, and a clock that it moves. */
function createList(count: number) {
  let nowMs = 0
  const urls = Array.from({ length: count }, (_, index) => `http://h${index}/`)
  const list = new SourceList([], 'priority', () => nowMs)
  list.list(urls, undefined)
  const source = (index: number) => list.all.find(({ baseurl }) => baseurl === urls[index]) as Source
  const order = () => list.all.map(({ baseurl }) => urls.indexOf(baseurl))
  const measure = (index: number, latencyMs: number, bytesPerSecond = 1 << 20) => {
    const { pace } = source(index)
    pace.asked()
    pace.answered(latencyMs)
    pace.delivered(1 << 20, ((1 << 20) * 1000) / bytesPerSecond)
  }
  return { list, urls, source, order, measure, later: (ms: number) => void (nowMs += ms) }
}

describe('the rank of a list', () => {
  test('is its own order while nothing is known, then that of latency and throughput', () => {
    const { order, measure } = createList(4)
    assert.deepEqual(order(), [0, 1, 2, 3])
    measure(0, 900, 1 << 20)
    assert.deepEqual(order(), [0, 1, 2, 3], 'the others may well be slower')
    measure(2, 30, 50 << 20)
    assert.deepEqual(order(), [2, 1, 3, 0])
    measure(3, 300, 1 << 20)
    measure(1, 10, 60 << 20)
    assert.deepEqual(order(), [1, 2, 3, 0])
  })

  test('lowers who fails, and raises who has recovered, by time alone as well', () => {
    const { order, measure, source, later } = createList(2)
    measure(0, 10)
    measure(1, 12)
    source(0).pace.failed()
    assert.deepEqual(order(), [1, 0])
    for (let round = 0; round < 30; round += 1) measure(0, 5)
    assert.deepEqual(order(), [0, 1])
    source(0).pace.failed()
    assert.deepEqual(order(), [1, 0])
    later(10 * 3_600_000)
    assert.deepEqual(order(), [0, 1])
  })

  test('is left now and then for the one that was not asked for the longest time', () => {
    const { list, urls, measure, later } = createList(3)
    const first = () => urls.indexOf(list.select({})[0]?.baseurl ?? '')
    const chosen = Array.from({ length: 48 }, () => {
      later(1_000)
      const index = first()
      measure(index, [10, 200, 400][index] ?? 0)
      return index
    })
    const counts = [0, 1, 2].map((index) => chosen.filter((one) => one === index).length)
    assert.ok((counts[0] ?? 0) >= 40, String(counts))
    assert.ok((counts[1] ?? 0) >= 2 && (counts[2] ?? 0) >= 2, String(counts))
  })

  test('notices that way who has become the fastest', () => {
    const { list, urls, measure, later } = createList(2)
    measure(0, 100)
    measure(1, 800)
    const chosen = Array.from({ length: 100 }, () => {
      later(1_000)
      const index = urls.indexOf(list.select({})[0]?.baseurl ?? '')
      measure(index, [100, 5][index] ?? 0)
      return index
    })
    assert.ok(chosen.slice(-20).filter((index) => index === 1).length >= 17, chosen.join(''))
  })

  test('stays known of mirrors that are listed again', () => {
    const { list, urls, order, measure } = createList(3)
    measure(0, 900)
    measure(1, 10)
    list.list([urls[0] ?? ''], undefined)
    assert.equal(list.all.length, 1)
    list.list(urls, undefined)
    assert.deepEqual(order(), [1, 2, 0])
    list.list(urls, 'public')
    assert.deepEqual(order(), [0, 1, 2], 'but by another list, which may lead less far')
  })
})

describe('baseurls of a configuration', () => {
  const urls = ['http://a/', 'http://b/', 'http://c/']
  const first = (list: SourceList) => urls.indexOf(list.select({})[0]?.baseurl ?? '')

  test('keep their order by priority, whatever was measured, and come before those of a list', () => {
    const list = new SourceList(urls, 'priority', () => 0)
    list.list(['http://listed/', 'http://b/'], undefined)
    assert.deepEqual(
      list.all.map(({ baseurl }) => baseurl),
      [...urls, 'http://listed/'],
    )
    assert.deepEqual(
      Array.from({ length: 10 }, () => first(list)),
      Array.from({ length: 10 }, () => 0),
    )
  })

  test('take turns by roundrobin, but for what is asked conditionally', () => {
    const list = new SourceList(urls, 'roundrobin', () => 0)
    assert.deepEqual(
      Array.from({ length: 6 }, () => first(list)),
      [0, 1, 2, 0, 1, 2],
    )
    const validators = { baseurl: 'http://b/', etag: '"x"' }
    const asked = Array.from({ length: 4 }, () => list.select({ validators })[0]?.baseurl)
    assert.deepEqual([...new Set(asked)], ['http://b/'])
  })
})
