import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { FormerSources } from '../../src/app/former-sources.ts'
import { loadConfig } from '../../src/config/load.ts'
import { App } from '../../src/app/app.ts'
import { digestOf } from '../../src/model/digest.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { MirrorUpstream } from '../../src/upstream/mirror-upstream.ts'
import { Network } from '../../src/upstream/network.ts'
import { httpGet } from '../support/http-get.ts'
import { ingestHere } from '../support/ingest-here.ts'
import { writeSyntheticRepository, type WrittenPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const HEAD = 'listen: 127.0.0.1:0\ndata_dir: ./data\nsync_interval: off\nmirrors:\n'
const COUNT = 120

interface Farm {
  readonly app: App
  readonly url: string
  readonly upstream: Upstream
  readonly packages: readonly WrittenPackage[]
  /** Path of the first snapshot of the mirror `m`. */
  readonly base: string
  /** Makes this the configuration. */
  readonly configure: (mirrors: string) => Promise<void>
  /** The same again, in a new server. */
  readonly restart: () => Promise<string>
}

/** A server with a mirror `m`, synced once; none of its packages was fetched. */
async function startFarm(t: TestContext): Promise<Farm> {
  const [dir, root] = [tempDir(t), tempDir(t)]
  const names = Array.from({ length: COUNT }, (_, at) => ({ name: `p${at}` }))
  const { packages } = writeSyntheticRepository(root, { packages: names })
  const upstream = await startUpstream(t, root)
  const file = join(dir, 'pinyon.yaml')
  writeFileSync(file, `${HEAD}  m: { baseurl: "http://ci:secret@127.0.0.1:${upstream.port}/", retries: 0 }\n`)
  const load = () => loadConfig(file, {})
  const open = async () => {
    const app = await App.open({
      config: load(),
      log: createSilentLogger(),
      loadConfig: load,
      createIngests: ingestHere(),
    })
    t.after(() => app.close())
    return { app, url: `http://127.0.0.1:${await app.listen()}` }
  }
  const { app, url } = await open()
  const synced = await app.sync('m')
  if (synced.outcome === 'failed') throw synced.error
  return {
    app,
    url,
    upstream,
    packages,
    base: `/repos/yum/m/${synced.snapshot.name}`,
    configure: async (mirrors) => {
      writeFileSync(`${file}.new`, HEAD + mirrors)
      renameSync(`${file}.new`, file)
      await app.reload()
      // Nothing of that waits for anything outside: jobs get their turn only now.
      assert.equal((await httpGet(`${url}/healthz`)).status, 200)
    },
    restart: async () => {
      await app.close()
      return (await open()).url
    },
  }
}

async function assertFetched(url: string, { checksum }: WrittenPackage): Promise<void> {
  const reply = await httpGet(url)
  assert.equal(reply.status, 200, reply.body.toString())
  assert.equal(digestOf(reply.body), checksum)
}

test('while a mirror is renamed, removed, disabled and put back, jobs fetch what nobody fetched before', async (t) => {
  const { url, upstream, packages, base, configure } = await startFarm(t)
  const source = `{ baseurl: "http://ci:secret@127.0.0.1:${upstream.port}/", retries: 0 }`
  const variants = [
    `  renamed: ${source}\n`,
    `  other: ${source}\n`,
    `  m: ${source.replace(' }', ', enabled: false }')}\n`,
    `  m: ${source.replace('retries: 0', 'retries: 1')}\n`,
  ]
  const left = [...packages]
  let changes = 0
  // A job that fails ends the test, and what it has not asked for.
  const client = async () => await fetchAll().finally(() => left.splice(0))
  const fetchAll = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop())
      await assertFetched(`${url}${base}/${next.href}`, next)
  }
  const operator = async () => {
    while (left.length > 0) await configure(variants[(changes += 1) % variants.length] ?? '')
  }
  await Promise.all([client(), client(), client(), operator()])
  assert.ok(changes >= variants.length, `only ${changes} changes happened`)
  assert.equal(upstream.count('.rpm'), COUNT)
})

test('after a restart the base URL that the database remembers is asked, without credentials', async (t) => {
  const { upstream, packages, base, configure, restart } = await startFarm(t)
  const [first, second] = packages
  assert.ok(first !== undefined && second !== undefined)
  await configure(`  other: { baseurl: ${upstream.url} }\n`)
  const url = await restart()
  upstream.requests.length = 0
  await assertFetched(`${url}${base}/${first.href}`, first)
  assert.equal(upstream.requests[0]?.headers.authorization, undefined)
  await upstream.stop()
  const failed = await httpGet(`${url}${base}/${second.href}`)
  assert.equal(failed.status, 502, 'upstream trouble stays what it is')
  assert.equal(failed.headers['x-cache'], 'error_upstream')
})

test('a mirror that moves to another upstream has the old one asked for what the new one lacks, or has otherwise', async (t) => {
  const { app, url, upstream, packages, base, configure } = await startFarm(t)
  const [gone, other, same] = packages
  assert.ok(gone !== undefined && other !== undefined && same !== undefined)
  const root = tempDir(t)
  writeSyntheticRepository(root, {
    packages: [{ name: 'p1', content: Buffer.from('a rebuild') }, { name: 'p2' }],
  })
  const moved = await startUpstream(t, root)
  await configure(`  m: { baseurl: ${moved.url}, retries: 0 }\n`)
  await app.sync('m')
  upstream.requests.length = 0
  await assertFetched(`${url}${base}/${gone.href}`, gone)
  await assertFetched(`${url}${base}/${other.href}`, other)
  await assertFetched(`${url}${base}/${same.href}`, same)
  assert.deepEqual(
    upstream.requests.map(({ path }) => path),
    [`/${gone.href}`, `/${other.href}`],
  )
})

function create(host: string): MirrorUpstream {
  return new MirrorUpstream({
    baseurls: [`http://${host}/`],
    timeoutMs: 1_000,
    retries: 0,
    userAgent: 'test',
  })
}

test('former sources are bounded, by mirrors and for each, and go with the data', async () => {
  const sources = new FormerSources({ network: new Network() })
  const none = new Map<string, MirrorUpstream>()
  for (let at = 0; at < 250; at += 1) sources.keep(new Map([[`m${at}`, create(`h${at}`)]]), none)
  assert.equal(sources.upstreamOf('m49', undefined), undefined)
  assert.ok(sources.upstreamOf('m50', undefined) !== undefined)
  const store = {
    mirrors: () => Promise.resolve([{ name: 'm60' }, { name: 'm61' }, { name: 'kept' }] as never),
    seenArches: async () => new Map(),
    seenRepomd: (name: string) =>
      Promise.resolve((name === 'm61' ? { baseurl: 'http://x/' } : undefined) as never),
  }
  await sources.remember(store, new Map([['kept', 1]]))
  assert.equal(sources.upstreamOf('m62', undefined), undefined, 'its data are gone')
  assert.ok(sources.upstreamOf('m60', undefined) !== undefined)
  const now = create('now')
  assert.equal(sources.upstreamOf('kept', now), now, 'a mirror that stayed where it was has its own alone')
  const back = create('h60')
  assert.equal(sources.upstreamOf('m60', back), back, 'nor is a source asked twice when its mirror is back')
  await sources.close()
})

test('a source that a list named once leads no further after a restart than that list did', async (t) => {
  const root = tempDir(t)
  writeFileSync(join(root, 'file'), 'file')
  const upstream = await startUpstream(t, root)
  const sources = new FormerSources({ network: new Network() })
  t.after(() => sources.close())
  const seen = { configured: undefined, near: 'loopback', far: 'public' } as const
  await sources.remember(
    {
      mirrors: async () => [...Object.keys(seen), 'arches'].map((name) => ({ name })) as never,
      seenRepomd: async (name) =>
        name === 'arches'
          ? undefined
          : ({ baseurl: upstream.url, named: seen[name as keyof typeof seen] } as never),
      seenArches: async (name) =>
        new Map(name === 'arches' ? [['x86_64', { baseurl: upstream.url, named: 'public' } as never]] : []),
    },
    new Map(),
  )
  for (const name of ['configured', 'near'])
    assert.equal((await sources.upstreamOf(name, undefined)?.get('file'))?.status, 200)
  for (const name of ['far', 'arches'])
    await assert.rejects(
      sources.upstreamOf(name, undefined, { arch: 'x86_64' })?.get('file') ?? assert.fail(),
      { code: 'UPSTREAM_REFUSED' },
    )
  assert.equal(upstream.count(), 2)
})
