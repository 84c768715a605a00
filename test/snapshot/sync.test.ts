import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { PinyonError } from '../../src/model/errors.ts'
import type { SyncContext } from '../../src/snapshot/sync.ts'
import type { RepodataContent } from '../support/repodata-files.ts'
import {
  writeSyntheticRepository,
  type SyntheticOptions,
  type SyntheticPackage,
} from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import type { Rules } from '../support/upstream-behaviour.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { editRepomd, openMirror, readRepodata, type MirrorUnderTest } from './mirror-under-test.ts'

const PACKAGES: readonly SyntheticPackage[] = [{ name: 'a' }, { name: 'b', version: '2' }]
const SIGNATURE = '-----BEGIN PGP SIGNATURE-----\n'

/** Requests of a first sync: repomd.xml, three files, signature and key, and the last three of them again. */
const FIRST_SYNC_REQUESTS = 9

interface Setup {
  readonly dir: string
  readonly upstream: Upstream
  readonly mirror: MirrorUnderTest
}

async function setUp(t: TestContext, options: Partial<SyntheticOptions> = {}): Promise<Setup> {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: PACKAGES, ...options })
  const upstream = await startUpstream(t, dir)
  return { dir, upstream, mirror: openMirror(t, { baseurls: [upstream.url] }) }
}

/** Requests that upstream gets while this is done. */
async function requestsOf(upstream: Upstream, work: () => Promise<unknown>): Promise<number> {
  const before = upstream.count()
  await work()
  return upstream.count() - before
}

const lastModifiedOnly: Rules = ({ headers }) => {
  delete headers['if-none-match']
  return { headers: { ETag: '' } }
}
const withoutValidators: Rules = ({ headers }) => {
  delete headers['if-none-match']
  delete headers['if-modified-since']
  return { headers: { ETag: '', 'Last-Modified': '' } }
}

function record(type: string, content: string): RepodataContent {
  return { type, content, fileName: `${type}.xml` }
}

describe('a sync with nothing new upstream', () => {
  const cases: [string, Rules, number][] = [
    ['upstream gives both validators', [], 304],
    ['upstream gives Last-Modified only', lastModifiedOnly, 304],
    ['upstream gives no validators', withoutValidators, 200],
  ]
  for (const [name, rules, status] of cases) {
    test(`is one request: ${name}`, async (t) => {
      const { upstream, mirror } = await setUp(t)
      upstream.rules = rules
      assert.equal(await requestsOf(upstream, () => mirror.publish()), FIRST_SYNC_REQUESTS)
      for (let look = 0; look < 3; look += 1)
        assert.equal(await requestsOf(upstream, () => mirror.expectUnchanged()), 1)
      await upstream.settled()
      assert.equal(upstream.requests.at(-1)?.status, status)
      assert.equal((await mirror.store.snapshots('m')).length, 1)
    })
  }

  test('is noticed of a file: URL, and so is something new', async (t) => {
    const dir = tempDir(t)
    writeSyntheticRepository(dir, { packages: PACKAGES })
    const mirror = openMirror(t, { baseurls: [`${pathToFileURL(dir).href}/`] })
    const first = await mirror.publish()
    assert.deepEqual(await mirror.repodata(first), readRepodata(dir))
    await mirror.expectUnchanged()
    writeSyntheticRepository(dir, { packages: [{ name: 'c' }], revision: 1_600_000_000 })
    assert.notEqual((await mirror.publish()).name, first.name)
  })

  const regenerated: [string, Partial<SyntheticOptions>][] = [
    ['only times and revision are new', { revision: 1_600_000_000 }],
    ['only the compression is another', { compress: 'zst' }],
  ]
  for (const [name, options] of regenerated) {
    test(`makes no snapshot where ${name}, and the next look is one request`, async (t) => {
      // Packages built at another time are other packages; here it is only the repository's own times.
      const { dir, upstream, mirror } = await setUp(t, { packages: [] })
      const first = await mirror.publish()
      writeSyntheticRepository(dir, { packages: [], ...options })
      assert.equal(await requestsOf(upstream, () => mirror.expectUnchanged()), 1)
      assert.equal(await requestsOf(upstream, () => mirror.expectUnchanged()), 1)
      await upstream.settled()
      assert.equal(upstream.requests.at(-1)?.status, 304, 'the new repomd.xml is the one asked about')
      assert.deepEqual(await mirror.store.snapshots('m'), [first])
    })
  }
})

describe('a sync with something new upstream makes a snapshot', () => {
  const changes: [string, Partial<SyntheticOptions>][] = [
    ['a package is added', { packages: [...PACKAGES, { name: 'c' }] }],
    ['a package is updated', { packages: [{ name: 'a', version: '1.1' }, ...PACKAGES.slice(1)] }],
    ['a package is removed', { packages: PACKAGES.slice(1) }],
    ['every package is removed', { packages: [] }],
    ['an href has other content', { packages: [{ name: 'a', content: 1001 }, ...PACKAGES.slice(1)] }],
    ['only updateinfo is another', { records: [record('updateinfo', 'two'), record('group', 'one')] }],
    ['only comps is another', { records: [record('updateinfo', 'one'), record('group', 'two')] }],
    ['updateinfo is gone', { records: [record('group', 'one')] }],
    [
      'modules are new',
      { records: [record('updateinfo', 'one'), record('group', 'one'), record('modules', 'one')] },
    ],
  ]
  for (const [name, change] of changes) {
    test(`where ${name}`, async (t) => {
      const before = { records: [record('updateinfo', 'one'), record('group', 'one')] }
      const { dir, mirror } = await setUp(t, before)
      const first = await mirror.publish()
      const old = await mirror.repodata(first)
      const written = writeSyntheticRepository(dir, { packages: PACKAGES, ...before, ...change })
      const second = await mirror.publish()
      assert.ok(second.name > first.name && second.seq > first.seq)
      assert.deepEqual(await mirror.repodata(second), readRepodata(dir))
      assert.deepEqual(await mirror.repodata(first), old, 'the first one stays as it was')
      assert.equal(second.packageCount, written.packages.length)
      for (const { href, checksum, size, name: packageName } of written.packages)
        assert.deepEqual(await mirror.store.file(second, href), {
          path: href,
          kind: 'package',
          digest: checksum,
          size,
          packageName,
        })
      assert.equal((await mirror.store.index()).current.get('m'), undefined, 'not listed')
      await mirror.expectUnchanged()
    })
  }
})

describe('checksums', () => {
  for (const algorithm of ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const) {
    test(`of ${algorithm} are held against files and packages`, async (t) => {
      const { dir, upstream, mirror } = await setUp(t, { algorithm })
      const snapshot = await mirror.publish()
      assert.deepEqual(await mirror.repodata(snapshot), readRepodata(dir))
      const { packages } = writeSyntheticRepository(dir, { packages: [{ name: 'z' }], algorithm })
      upstream.rules = [{ match: '-primary.xml.gz', flipByteAt: 20 }]
      assert.equal((await mirror.fail()).code, 'UPSTREAM_GONE')
      upstream.rules = []
      const second = await mirror.publish()
      const [one] = packages
      assert.equal((await mirror.store.file(second, one?.href ?? ''))?.digest, one?.checksum)
      assert.match(one?.checksum ?? '', new RegExp(`^${algorithm}:`))
    })
  }

  test('called sha are of sha1, in repomd.xml and in primary', async (t) => {
    const { dir, mirror } = await setUp(t, { algorithm: 'sha1', compress: 'none' })
    editRepomd(dir, (text) => text.replaceAll('type="sha1"', 'type="sha"'))
    const snapshot = await mirror.publish()
    assert.deepEqual(await mirror.repodata(snapshot), readRepodata(dir))
    assert.deepEqual(await mirror.defects(snapshot), [])
  })
})

describe('a sync that fails leaves the last snapshot and says why', () => {
  const troubles: [string, Rules, string, RegExp][] = [
    ['repomd.xml is gone', [{ match: 'repomd.xml', status: 404 }], 'UPSTREAM_GONE', /repomd\.xml.*: 404/],
    ['repomd.xml is forbidden', [{ match: 'repomd.xml', status: 403 }], 'UPSTREAM_STATUS', /: 403/],
    ['repomd.xml is a page', [{ match: 'repomd.xml', html: true }], 'REPODATA_MALFORMED', /HTML page/],
    ['repomd.xml is cut', [{ match: 'repomd.xml', shortenTo: 200 }], 'REPODATA_MALFORMED', /XML/],
    ['repomd.xml breaks off', [{ match: 'repomd.xml', cutAt: 200 }], 'UPSTREAM_SHORT', /after \d+ bytes/],
    ['repomd.xml has no answer', [{ match: 'repomd.xml', hangUp: true }], 'UPSTREAM_UNREACHABLE', /repomd/],
    ['primary is other bytes', [{ match: /-primary/, flipByteAt: 20 }], 'UPSTREAM_GONE', /expected sha256/],
    ['primary is short', [{ match: /-primary/, shortenTo: 50 }], 'UPSTREAM_GONE', /expected sha256/],
    ['primary is a page', [{ match: /-primary/, html: true }], 'UPSTREAM_GONE', /expected sha256/],
    ['primary breaks off', [{ match: /-primary/, cutAt: 50 }], 'UPSTREAM_SHORT', /after \d+ bytes/],
    ['primary is gone', [{ match: /-primary/, status: 404 }], 'UPSTREAM_GONE', /3 tries.*: 404/],
    ['other is gone', [{ match: /-other/, status: 404 }], 'UPSTREAM_GONE', /other.*3 tries.*: 404/],
    ['other is wrong', [{ match: /-other/, flipByteAt: 9 }], 'UPSTREAM_GONE', /other.*3 tries.*expected/],
    ['other breaks off', [{ match: /-other/, cutAt: 9 }], 'UPSTREAM_SHORT', /other.*after \d+ bytes/],
    ['other has an error', [{ match: /-other/, status: 503 }], 'UPSTREAM_STATUS', /: 503/],
    ['the signature has an error', [{ match: '.asc', status: 500 }], 'UPSTREAM_STATUS', /asc.*: 500/],
  ]
  for (const [name, rules, code, reason] of troubles) {
    test(`where ${name}; verified files are not fetched again`, async (t) => {
      const { dir, upstream, mirror } = await setUp(t)
      const first = await mirror.publish()
      writeSyntheticRepository(dir, { packages: [{ name: 'c' }] })
      upstream.rules = rules
      const error = await mirror.fail()
      assert.equal(error.code, code)
      assert.match(error.message, reason)
      assert.deepEqual(mirror.temporaryFiles(), [])
      upstream.rules = []
      const second = await mirror.publish()
      assert.ok(second.name > first.name)
      assert.deepEqual(await mirror.repodata(second), readRepodata(dir))
      await upstream.settled()
      for (const path of readRepodata(dir).keys()) {
        const whole = upstream.requests.filter(
          (request) => request.path === `/${path}` && request.status === 200 && request.complete,
        )
        const isBroken = Array.isArray(rules) && rules.some(({ match }) => matches(match, path))
        if (!isBroken && !path.endsWith('repomd.xml')) assert.equal(whole.length, 1, path)
      }
    })
  }

  test('where upstream cannot be reached', async (t) => {
    const { upstream, mirror } = await setUp(t)
    await mirror.publish()
    await upstream.stop()
    assert.equal((await mirror.fail()).code, 'UPSTREAM_UNREACHABLE')
    await upstream.start()
    await mirror.expectUnchanged()
  })

  test('where there is no snapshot yet: also when a file merely breaks off', async (t) => {
    const { upstream, mirror } = await setUp(t)
    upstream.rules = [{ match: /-other/, cutAt: 9 }]
    assert.equal((await mirror.fail()).code, 'UPSTREAM_SHORT')
    assert.equal(upstream.count(/-other/), 9, 'three tries, in each of which it is taken up again twice')
    upstream.rules = [{ match: /-other/, cutAt: 9, times: 2 }]
    assert.deepEqual(await mirror.defects(await mirror.publish()), [])
  })

  test('where nothing of it runs on afterwards', async (t) => {
    const { dir, upstream, mirror } = await setUp(t)
    mkdirSync(join(dir, 'repodata'), { recursive: true })
    upstream.rules = [
      { match: /-(filelists|other)/, bytesPerTick: 1 },
      { match: /-primary/, status: 500 },
    ]
    await mirror.fail()
    assert.deepEqual(mirror.temporaryFiles(), [], 'no download goes on')
    await upstream.settled()
  })

  const repomds: [string, (text: string) => string, RegExp][] = [
    ['names no primary', (text) => text.replace('type="primary"', 'type="primary_db"'), /no primary$/],
    [
      'names itself',
      (text) => text.replace(/href="[^"]*other[^"]*"/, 'href="repodata/repomd.xml.asc"'),
      /cannot: repodata\/repomd\.xml\.asc$/,
    ],
    ['leaves the repository', (text) => text.replace('href="', 'href="../'), /leaves the repository/],
    [
      'names thousands of files',
      (text) => text.replace('</repomd>', `${manyRecords(257)}</repomd>`),
      /more than 256: 260 files$/,
    ],
  ]
  for (const [name, edit, reason] of repomds) {
    test(`where repomd.xml ${name}: nothing further is asked for`, async (t) => {
      const { dir, upstream, mirror } = await setUp(t)
      editRepomd(dir, edit)
      const error = await mirror.fail()
      assert.equal(error.code, 'REPODATA_MALFORMED')
      assert.match(error.message, reason)
      assert.equal(upstream.count(), 1)
    })
  }
})

function matches(match: unknown, path: string): boolean {
  return match instanceof RegExp ? match.test(path) : path.endsWith(String(match))
}

function manyRecords(count: number): string {
  const checksum = `<checksum type="sha256">${'0'.repeat(64)}</checksum>`
  return Array.from(
    { length: count },
    (_, index) => `<data type="x${index}"><location href="repodata/x${index}"/>${checksum}</data>`,
  ).join('')
}

describe('signature and key', () => {
  test('are published beside repomd.xml, and a refusal to give them is their absence', async (t) => {
    const { dir, upstream, mirror } = await setUp(t)
    writeFileSync(join(dir, 'repodata/repomd.xml.asc'), SIGNATURE)
    writeFileSync(join(dir, 'repodata/repomd.xml.key'), Buffer.from([0x98, 1, 2]))
    const files = await mirror.store.files(await mirror.publish())
    assert.deepEqual(
      files.filter(({ path }) => /repomd\.xml\./.test(path)).map(({ type, size }) => [type, size]),
      [
        ['signature', SIGNATURE.length],
        ['key', 3],
      ],
    )
    upstream.rules = [{ match: /\.(asc|key)$/, status: 403 }]
    const other = openMirror(t, { baseurls: [upstream.url] })
    assert.equal((await other.store.files(await other.publish())).length, 4)
  })

  for (const secret of ['AWS_SECRET=hunter2', '\ufeff<!DOCTYPE html>log in'])
    test(`are what a redirect leads to only if that is OpenPGP, not ${JSON.stringify(secret)}`, async (t) => {
      const { dir, upstream, mirror } = await setUp(t)
      writeFileSync(join(dir, 'secret'), secret)
      upstream.rules = [{ match: /\.(asc|key)$/, redirectTo: '/secret' }]
      const files = await mirror.store.files(await mirror.publish())
      assert.deepEqual(
        files.filter(({ type }) => type === 'signature' || type === 'key'),
        [],
      )
    })

  test('come from the source that gave repomd.xml', async (t) => {
    const { dir, upstream: main } = await setUp(t)
    const spareDir = tempDir(t)
    mkdirSync(join(spareDir, 'repodata'))
    for (const path of readRepodata(dir).keys()) copyFileSync(join(dir, path), join(spareDir, path))
    writeFileSync(join(dir, 'repodata/repomd.xml.asc'), SIGNATURE)
    const spare = await startUpstream(t, spareDir)
    main.rules = [{ match: 'repomd.xml', status: 500 }]
    const mirror = openMirror(t, { baseurls: [main.url, spare.url] })
    const files = await mirror.repodata(await mirror.publish())
    assert.equal(files.has('repodata/repomd.xml.asc'), false)
    assert.deepEqual(files, readRepodata(spareDir))
  })
})

describe('syncs that end early', () => {
  test('one that is aborted is not taken down as a failure of upstream', async (t) => {
    const { upstream, mirror } = await setUp(t)
    const abort = new AbortController()
    upstream.rules = [
      { match: /-other/, before: () => abort.abort(new PinyonError('SHUTTING_DOWN', 'stopping')) },
    ]
    const result = await mirror.sync({ signal: abort.signal })
    assert.ok(result.outcome === 'failed' && result.error.code === 'SHUTTING_DOWN')
    assert.deepEqual(await mirror.store.mirrors(), [])
    assert.deepEqual(mirror.temporaryFiles(), [])
  })

  test('one that another process runs says so, and asks upstream nothing', async (t) => {
    const { upstream, mirror } = await setUp(t)
    const claims: SyncContext['claims'] = { tryClaim: () => undefined }
    const result = await mirror.sync({ claims })
    assert.ok(result.outcome === 'failed' && result.error.code === 'SYNC_RUNNING')
    assert.equal(upstream.count(), 0)
  })

  test('one whose database takes nothing down still says what was wrong', async (t) => {
    const { dir, mirror } = await setUp(t)
    rmSync(join(dir, 'repodata'), { recursive: true })
    await mirror.store.close()
    const store = Object.assign(Object.create(mirror.store) as typeof mirror.store, {
      snapshots: async () => [],
      seenRepomd: async () => undefined,
      recordSync: async () => await Promise.reject(new Error('disk full')),
    })
    const result = await mirror.sync({ store })
    assert.ok(result.outcome === 'failed' && result.error.code === 'UPSTREAM_GONE')
  })

  test('progress goes from repomd.xml over files to packages', async (t) => {
    const { dir, mirror } = await setUp(t)
    const steps: string[] = []
    utimesSync(join(dir, 'repodata/repomd.xml'), 1, 1)
    const result = await mirror.sync({
      onProgress: ({ step, filesDone, filesTotal }) => steps.push(`${step} ${filesDone}/${filesTotal}`),
    })
    assert.equal(result.outcome, 'published')
    assert.deepEqual(steps, ['repomd 0/0', 'files 0/3', 'files 1/3', 'files 2/3', 'files 3/3'])
  })
})
