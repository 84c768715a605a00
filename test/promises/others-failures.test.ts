import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { assertBytes } from '../contract/assert-bytes.ts'
import { openMirror, readRepodata } from '../snapshot/mirror-under-test.ts'
import { hrefOf, startFarm as startWarmFarm } from '../app/prefetch-farm.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'
import { startUpstream } from '../support/upstream.ts'
import { startFarm } from './farm.ts'

// What other mirrors and caches were caught by, and nothing else here looks at: see docs/peers-failures.md.

const CONTENT = seededBytes('others', 120_000)
const HREF = 'Packages/p.rpm'
const PACKAGES = [{ name: 'p', href: HREF, content: CONTENT }]

describe('a package that upstream lists and does not give', () => {
  for (const status of [404, 403])
    test(`(${status}) fails neither the sync nor the packages beside it`, async (t) => {
      const farm = await startWarmFarm(t, { mirror: { policy: 'immediate' } })
      farm.push(['a-1', 'b-1', 'c-1'])
      farm.upstream.rules = [{ match: hrefOf('b-1'), status }]
      const snapshot = await farm.sync()
      assert.equal((await farm.mirror()).prefetch?.fetched, 2)
      assert.equal((await farm.get(snapshot, 'b-1')).status, 502)
      for (const nevr of ['a-1', 'c-1'])
        assert.equal((await farm.get(snapshot, nevr)).headers['x-cache'], 'hit')
      farm.upstream.rules = []
      assert.equal((await farm.get(snapshot, 'b-1')).status, 200, 'and that is not remembered')
    })
})

describe('a cache between here and upstream', () => {
  test('that holds files of another generation is told to ask upstream itself', async (t) => {
    const [before, now] = [tempDir(t), tempDir(t)]
    for (const [dir, version, revision] of [
      [before, '1', 1_600_000_000],
      [now, '2', 1_600_000_001],
    ] as const)
      writeSyntheticRepository(dir, {
        packages: [{ name: 'p', version }],
        simpleNames: true,
        revision,
        withoutFiles: true,
      })
    const upstream = await startUpstream(t, before)
    upstream.rules = ({ headers }) => {
      upstream.root = headers['cache-control'] === 'no-cache' ? now : before
      return {}
    }
    const mirror = openMirror(t, { baseurls: [upstream.url] })
    assert.deepEqual(await mirror.repodata(await mirror.publish()), readRepodata(now))
  })

  test('that holds other bytes of a package is, too', async (t) => {
    const farm = await startFarm(t, { packages: PACKAGES })
    const [source] = farm.sources
    assert.ok(source)
    source.rules = ({ path, headers }) =>
      path.endsWith('.rpm') && headers['cache-control'] !== 'no-cache' ? { flipByteAt: 119_990 } : undefined
    const reply = await farm.get(HREF)
    assert.deepEqual([reply.status, reply.complete], [200, true])
    assertBytes(reply.body, CONTENT)
  })
})

const WRONG: readonly [string, Behaviour][] = [
  ['nothing', { shortenTo: 0 }],
  ['a page to log in at', { html: true }],
  ['a page to log in at, without its length', { html: true, framing: 'close' }],
  ['204', { status: 204 }],
  ['429', { status: 429, headers: { 'Retry-After': '1' } }],
  ['a part without its length, in chunks that just end', { framing: 'chunked', shortenTo: 60_000 }],
  ['a part without its length, up to the end of the connection', { framing: 'close', shortenTo: 60_000 }],
  ['a part without its length, and a reset', { framing: 'chunked', cutAt: 60_000, reset: true }],
]

describe('instead of a package', () => {
  for (const [what, behaviour] of WRONG)
    test(`${what} is never given out as one, nor kept, and another source is asked`, async (t) => {
      const lone = await startFarm(t, { packages: PACKAGES })
      const rules = [{ match: '.rpm', ranges: 'refused' as const, ...behaviour }]
      for (const source of lone.sources) source.rules = rules
      const reply = await lone.get(HREF)
      assert.ok(reply.status === 502 || (reply.status === 200 && !reply.complete), `${reply.status}`)
      for (const source of lone.sources) source.rules = []
      const again = await lone.get(HREF)
      assert.deepEqual([again.status, again.headers['x-cache']], [200, 'fill'])
      assertBytes(again.body, CONTENT)

      const pair = await startFarm(t, { packages: PACKAGES, sources: 2 })
      const [first] = pair.sources
      if (first !== undefined) first.rules = rules
      const whole = await pair.get(HREF)
      assert.deepEqual([whole.status, whole.complete], [200, true])
      assertBytes(whole.body, CONTENT)
    })

  test('its bytes compressed on the way though none may be are refused, with what was found', async (t) => {
    const farm = await startFarm(t, { packages: PACKAGES })
    const other = tempDir(t)
    writeSyntheticRepository(other, { packages: [{ ...PACKAGES[0]!, content: gzipSync(CONTENT) }] })
    const [source] = farm.sources
    assert.ok(source)
    source.root = other
    source.rules = [{ match: '.rpm', headers: { 'Content-Encoding': 'gzip' } }]
    const reply = await farm.get(HREF)
    assert.ok(reply.status === 502 || !reply.complete, `${reply.status}`)
    source.root = farm.root
    assertBytes((await farm.get(HREF)).body, CONTENT)
  })
})

test('a repomd.xml that is compressed on the way is read as it is meant', async (t) => {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: [{ name: 'p' }], withoutFiles: true })
  const zipped = tempDir(t)
  const upstream = await startUpstream(t, root)
  writeSyntheticRepository(zipped, { packages: [{ name: 'p' }], withoutFiles: true })
  writeFileSync(
    join(zipped, 'repodata/repomd.xml'),
    gzipSync(readFileSync(join(root, 'repodata/repomd.xml'))),
  )
  upstream.rules = ({ path }) => {
    upstream.root = path.endsWith('repomd.xml') ? zipped : root
    return path.endsWith('repomd.xml') ? { headers: { 'Content-Encoding': 'gzip' } } : {}
  }
  const mirror = openMirror(t, { baseurls: [upstream.url] })
  assert.deepEqual(await mirror.repodata(await mirror.publish()), readRepodata(root))
})

describe('the first of several sources that is never consistent', () => {
  test('does not keep a mirror from the one that is', async (t) => {
    const [torn, whole] = [tempDir(t), tempDir(t)]
    writeSyntheticRepository(torn, { packages: [{ name: 'p', version: '2' }], revision: 1_600_000_001 })
    writeSyntheticRepository(whole, { packages: [{ name: 'p', version: '1' }], revision: 1_600_000_000 })
    const first = await startUpstream(t, torn)
    first.rules = [{ match: 'primary.xml.gz', status: 404 }]
    const second = await startUpstream(t, whole)
    const mirror = openMirror(t, { baseurls: [first.url, second.url] })
    assert.deepEqual(await mirror.repodata(await mirror.publish()), readRepodata(whole))
  })
})
