import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test, type TestContext } from 'node:test'

import { DEFAULT_CACHE, DEFAULT_RETENTION } from '../support/config-defaults.ts'
import { httpGet } from '../support/http-get.ts'
import { LogRecorder } from './log-recorder.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const PACKAGES: readonly SyntheticPackage[] = [
  { name: 'big', content: 600_000 },
  { name: 'other', content: 600_000 },
  { name: 'third', content: 600_000 },
  { name: 'tiny', content: 500 },
  { name: 'whole', content: 2_000_000 },
]

/** A server whose cache holds one of the larger packages beside the repodata, and no second one. */
async function startSmall(t: TestContext, maxBytes = 1_000_000, sources = 1) {
  const root = tempDir(t)
  const { packages } = writeSyntheticRepository(root, { packages: PACKAGES })
  const [upstream, second] = await Promise.all([
    startUpstream(t, root),
    ...Array.from({ length: sources - 1 }, () => startUpstream(t, root)),
  ])
  const log = new LogRecorder()
  const app = await startApp(t, {
    log: log.logger,
    mirrors: { m: { baseurls: [upstream, second].flatMap((one) => one?.url ?? []) } },
    settings: { cache: { ...DEFAULT_CACHE, maxBytes }, retention: DEFAULT_RETENTION },
  })
  await app.sync('m')
  const base = await app.current('m')
  const fileOf = (name: string) => {
    const found = packages.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no such package: ${name}`)
    return { url: `${base}/${found.href}`, bytes: readFileSync(found.path), href: found.href }
  }
  let fills = 0
  const get = async (name: string, headers: Record<string, string> = {}) => {
    const { url, bytes } = fileOf(name)
    const reply = await httpGet(url, { headers })
    assert.equal(reply.status, 200, reply.body.toString().slice(0, 200))
    assert.ok(reply.complete && reply.body.equals(bytes), `${name} is right`)
    assert.equal(reply.headers['content-length'], String(bytes.length))
    if (reply.headers['x-cache'] === 'fill') await log.waitFor('filled', (fills += 1))
    return reply.headers['x-cache']
  }
  const status = async () =>
    JSON.parse((await httpGet(`${app.url}/api/v1/cache`)).body.toString()) as Record<string, unknown>
  return { app, upstream, second, fileOf, get, status, root }
}

describe('a cache with a limit', () => {
  test('makes room for what is asked for now by what can be fetched again', async (t) => {
    const { get, status, app } = await startSmall(t)
    assert.equal(await get('big'), 'fill')
    assert.equal(await get('big'), 'hit')
    assert.equal(await get('other'), 'fill', 'the first one went for it')
    assert.equal(await get('big'), 'fill')
    const { bytes, full } = await status()
    assert.ok(Number(bytes) < 1_000_000)
    assert.equal(full, false)
    const metrics = (await httpGet(`${app.url}/metrics`)).body.toString()
    assert.match(metrics, /^pinyon_evictions_total\{reason="size"\} [1-9]/m)
  })

  test('passes through what it cannot keep, loudly, and serves what it has', async (t) => {
    const { app, get, status, fileOf, upstream } = await startSmall(t)
    assert.equal(await get('big'), 'fill')
    // Upstream goes on without it: now it is only here, and must stay.
    upstream.root = tempDir(t)
    writeSyntheticRepository(upstream.root, { packages: PACKAGES.filter(({ name }) => name !== 'big') })
    await app.sync('m')
    assert.equal(await get('other'), 'bypass')
    assert.equal(await get('other'), 'bypass', 'it was not kept')
    assert.equal(await get('third', { Range: 'bytes=100-199' }), 'bypass', 'no ranges of it: all of it')
    assert.equal(await get('tiny'), 'fill', 'what fits is kept')
    assert.equal(await get('big'), 'hit')
    const head = await httpGet(fileOf('third').url, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers['content-length']], [200, '600000'])
    assert.equal((await status())['full'], false, 'something fitted since')
    assert.equal(await get('other'), 'bypass')
    assert.equal((await status())['full'], true)
    const { body } = await httpGet(`${app.url}/metrics`)
    assert.match(body.toString(), /^pinyon_bypass_total 4$/m)
  })

  test('many at once get right bytes through it, each from upstream', async (t) => {
    const { get, fileOf, upstream } = await startSmall(t)
    const outcomes = await Promise.all(Array.from({ length: 40 }, () => get('whole')))
    assert.deepEqual(new Set(outcomes), new Set(['bypass']))
    assert.equal(upstream.count(fileOf('whole').href), 40)
  })

  test('a wrong or short body passed through is never complete', async (t) => {
    const { fileOf, upstream } = await startSmall(t)
    const { url, bytes, href } = fileOf('whole')
    for (const behaviour of [
      { flipByteAt: 1_000 },
      { flipByteAt: 1_999_999 },
      { shortenTo: 1_900_000, ranges: 'refused' as const },
      { cutAt: 1_000_000, ranges: 'ignored' as const },
      { html: true },
    ]) {
      upstream.rules = [{ match: href, ...behaviour }]
      const reply = await httpGet(url)
      assert.ok(!reply.complete || reply.status === 502, JSON.stringify(behaviour))
    }
    upstream.rules = []
    assert.ok((await httpGet(url)).body.equals(bytes))
  })

  test('a source that gives other bytes is asked for them once, where another one has the right ones', async (t) => {
    for (const behaviour of [{ flipByteAt: 1_999_999 }, { flipByteAt: 0 }]) {
      const { fileOf, upstream, second, app } = await startSmall(t, 1_000_000, 2)
      const { url, bytes, href } = fileOf('whole')
      upstream.rules = [{ match: href, ...behaviour }]
      assert.equal((await httpGet(url)).complete, false)
      for (let round = 0; round < 3; round += 1) {
        const { body, headers } = await httpGet(url)
        assert.ok(body.equals(bytes))
        assert.equal(headers['x-cache'], 'bypass')
      }
      assert.deepEqual([upstream.count(href), second?.count(href)], [1, 3])
      await app.close()
    }
  })

  test('what upstream cannot give is its 5xx there, too', async (t) => {
    const { fileOf, upstream } = await startSmall(t)
    await upstream.stop()
    const reply = await httpGet(fileOf('whole').url)
    assert.deepEqual([reply.status, reply.headers['x-cache']], [502, 'error_upstream'])
  })
})
