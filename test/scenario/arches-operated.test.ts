import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { blobPath, createLayout } from '../../src/cache/layout.ts'
import { digestOf } from '../../src/model/digest.ts'
import { pinyon } from '../cli/pinyon.ts'
import { baseFor } from '../support/arch-farm.ts'
import { dnf } from '../support/dnf.ts'
import { httpGet, type HttpReply } from '../support/http-get.ts'
import { OldMirrorTree } from '../support/old-tree.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { startServer, type StartServerOptions } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

// All that an operator does, with a mirror of two architectures, two processes, createrepo_c's repositories and the commands.

const ARCHES = ['aarch64', 'x86_64'] as const
const DOCS = 'Packages/docs-1.0-1.noarch.rpm'

/** A file of one architecture, below a base URL. */
async function get(base: string, arch: string, path: string): Promise<HttpReply> {
  return await httpGet(`${baseFor(base, arch)}/${path}`)
}

/** A server of two processes with one snapshot: an application of each architecture, and what both have. */
async function startFarm(t: TestContext, settings: Readonly<Record<string, unknown>> = {}) {
  const root = tempDir(t)
  const trees = new Map(ARCHES.map((arch) => [arch, new RepositoryTree(join(root, arch))]))
  const add = async (arch: (typeof ARCHES)[number], version: string) =>
    trees.get(arch)?.add(...(await buildRpms([{ name: 'app', arch, version }, { name: 'docs' }], tempDir(t))))
  for (const arch of ARCHES) {
    await add(arch, '1.0')
    await trees.get(arch)?.publish()
  }
  const upstream = await startUpstream(t, root)
  const mirrors = {
    m: { baseurl: `${upstream.url}$basearch/`, arches: ARCHES, retries: 0, policy: 'on_demand' },
  }
  const text = JSON.stringify(
    { listen: '127.0.0.1:0', data_dir: './data', sync_interval: 'off', workers: 2, ...settings, mirrors },
    undefined,
    2,
  )
  const dir = tempDir(t)
  const start = (more: StartServerOptions = { text }) => startServer(t, { dir, ...more })
  const server = await start()
  const configFile = server.configFile
  const run = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await pinyon([...args, '--config', configFile])
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }
  const base = async (url = server.url) => {
    const index = (await httpGet(`${url}/repos/yum/all_latest.json`)).body.toString()
    return (JSON.parse(index) as { latest_ci_repos: { m: string } }).latest_ci_repos.m
  }
  await run('sync')
  return { root, trees, upstream, server, start, run, base, add }
}

const appOf = (arch: string, version = '1.0') => `Packages/app-${version}-1.${arch}.rpm`
const bigOf = (arch: string) => `Packages/big-1.0-1.${arch}.rpm`
const nameOf = (base: string) => base.split('/').at(-2) ?? ''

test(
  'is pinned, viewed, compared, rolled back, collected, evicted, verified, made anew and removed',
  needs('rpmbuild', 'createrepo_c'),
  async (t) => {
    const farm = await startFarm(t, { retention: { keep: 1, max_age: '1s', keep_used: '0s' } })
    const { server, upstream, trees, run, base, add } = farm
    const first = await base()
    const read = async (name: string) =>
      JSON.parse(
        (await httpGet(`${server.url}/api/v1/mirrors/m/snapshots/${name}`)).body.toString(),
      ) as Record<'packages' | 'bytes' | 'cached' | 'at_risk', number>
    const sizes = [appOf('aarch64'), appOf('x86_64')].map(
      (path, index) => readFileSync(join(farm.root, ARCHES[index] ?? '', path)).length,
    )
    const docs = readFileSync(join(farm.root, 'x86_64', DOCS))
    assert.equal((await read(nameOf(first))).packages, 3, 'docs are one package')
    assert.equal(
      (await read(nameOf(first))).bytes,
      sizes.reduce((sum, size) => sum + size, docs.length),
    )
    assert.match(await run('status', '--json'), /"packages":\s*3,/)

    // Whichever process answers: by connections of their own.
    for (const arch of ARCHES) {
      const all = await Promise.all(
        Array.from({ length: 16 }, () => get(first, arch, DOCS).then(({ body }) => body.equals(docs))),
      )
      assert.deepEqual([...new Set(all)], [true])
      assert.equal((await get(first, arch, appOf(arch))).status, 200)
    }
    assert.equal(upstream.count(/docs.*rpm$/), 1)

    // One has something new; a view holds what was before.
    assert.equal((await httpGet(`${server.url}/repos/views/job/all_latest.json?ttl=1h`)).status, 200)
    await add('x86_64', '2.0')
    trees.get('x86_64')?.remove(`app-1.0-1.x86_64.rpm`)
    await trees.get('x86_64')?.publish()
    // Nothing of the other one is read again: this would fail it.
    const blobs = createLayout(server.dataDir)
    const primary = primaryOf(join(farm.root, 'aarch64'))
    const kept = readFileSync(primary)
    rmSync(blobPath(blobs, digestOf(kept)))
    await run('sync')
    writeFileSync(blobPath(blobs, digestOf(kept)), kept)
    const second = await base()
    assert.equal((await read(nameOf(second))).packages, 3)
    assert.equal((await get(second, 'aarch64', appOf('aarch64'))).status, 200)
    assert.equal((await get(second, 'x86_64', appOf('x86_64', '2.0'))).status, 200)
    assert.equal((await get(second, 'x86_64', appOf('x86_64'))).status, 404)
    const diff = JSON.parse(await run('diff', 'm', nameOf(first), nameOf(second), '--json')) as Record<
      'upgraded' | 'added' | 'removed',
      { name: string; arches: string[] }[]
    >
    assert.deepEqual(
      [diff.upgraded.map(({ name, arches }) => [name, ...arches]), diff.added, diff.removed],
      [[['app', 'x86_64']], [], []],
    )

    await run('pin', 'm', nameOf(first), '--why', 'app 2.0 breaks')
    assert.equal(await base(), first)
    await run('unpin', 'm')
    assert.equal(await base(), second)
    await run('rollback', 'm')
    assert.equal(await base(), first)
    await run('unpin', 'm')

    // Both stay, one as it is current, the other for the view; then only one does.
    await run('gc', '--wait')
    assert.equal((await get(first, 'x86_64', appOf('x86_64'))).status, 200)
    await run('views', '--end', 'job')
    await run('gc', '--wait')
    for (const arch of ARCHES) assert.equal((await get(first, arch, 'repodata/repomd.xml')).status, 404, arch)
    assert.deepEqual((await get(second, 'aarch64', DOCS)).body, docs)

    // Bits rot in what both have, and in the metadata of one.
    const rotten = [digestOf(docs), digestOf(readFileSync(primaryOf(join(farm.root, 'x86_64'))))]
    for (const digest of rotten) {
      const bytes = readFileSync(blobPath(blobs, digest))
      bytes[40] = (bytes[40] ?? 0) ^ 0xff
      writeFileSync(blobPath(blobs, digest), bytes)
    }
    const verified = JSON.parse(await run('verify', '--json')) as {
      ok: boolean
      findings: { state: string }[]
    }
    assert.deepEqual(
      [verified.ok, verified.findings.map(({ state }) => state)],
      [true, ['refetched', 'refetched']],
    )
    assert.deepEqual((await get(second, 'x86_64', DOCS)).body, docs)

    // The database is lost.
    const before = await read(nameOf(second))
    await server.kill('SIGTERM')
    rmSync(blobs.database)
    await run('verify', '--rebuild')
    const again = await farm.start()
    assert.equal((await base(again.url)).replace(/:\d+/, ''), second.replace(/:\d+/, ''))
    const after = JSON.parse(
      (await httpGet(`${again.url}/api/v1/mirrors/m/snapshots/${nameOf(second)}`)).body.toString(),
    ) as typeof before
    assert.deepEqual([after.packages, after.bytes], [before.packages, before.bytes])
    const { port } = new URL(again.url)
    const here = second.replace(/:\d+/, `:${port}`)
    assert.equal((await get(here, 'x86_64', appOf('x86_64', '2.0'))).status, 200)

    await run('remove', 'm', '--force')
    assert.deepEqual(JSON.parse((await httpGet(`${again.url}/repos/yum/all_latest.json`)).body.toString()), {
      latest_ci_repos: {},
    })
    for (const arch of ARCHES) {
      assert.equal((await get(here, arch, 'repodata/repomd.xml')).status, 200)
      assert.deepEqual((await get(here, arch, DOCS)).body, docs)
    }
  },
)

test(
  'gives up what can be fetched again when the cache is full, and nothing else',
  needs('rpmbuild', 'createrepo_c'),
  async (t) => {
    const farm = await startFarm(t, { cache: { max_size: '1MiB' } })
    const { trees, upstream, run, base } = farm
    const big = ARCHES.map((arch) => ({ name: 'big', arch, sizeBytes: 400_000 }))
    const shared = { name: 'shared', sizeBytes: 300_000 }
    for (const [index, arch] of ARCHES.entries()) {
      trees.get(arch)?.add(...(await buildRpms([...big.slice(index, index + 1), shared], tempDir(t))))
      await trees.get(arch)?.publish()
    }
    await run('sync')
    const old = await base()
    const common = 'Packages/shared-1.0-1.noarch.rpm'
    // A client has all of it a moment before it is stored; and what does not fit is passed through while room is being made.
    const store = async (arch: string, path: string) => {
      while ((await get(old, arch, path)).headers['x-cache'] !== 'hit');
    }
    for (const path of [bigOf('aarch64'), common]) await store('aarch64', path)
    // What one of them has dropped, and the other has not, can be fetched again.
    trees.get('aarch64')?.remove('shared-1.0-1.noarch.rpm', 'big-1.0-1.aarch64.rpm')
    await trees.get('aarch64')?.publish()
    await run('sync')
    await store('x86_64', bigOf('x86_64'))
    await run('gc', '--wait')
    await upstream.stop()
    assert.equal((await get(old, 'aarch64', bigOf('aarch64'))).status, 200, 'is only here')
    assert.ok((await get(old, 'aarch64', common)).status >= 500, 'had to give way')
    await upstream.start()
    const gone = await get(old, 'aarch64', common)
    assert.equal(gone.status, 200, String(gone.headers['x-pinyon-reason']))
    assert.ok(upstream.count(/^\/x86_64\/.*shared/) > 0)
  },
)

test(
  'takes over an older tree of one architecture, whose URLs go on working, and moments lead dnf to its own',
  needs('rpmbuild', 'createrepo_c', 'dnf'),
  async (t) => {
    const { server, run, base } = await startFarm(t)
    const current = await base()
    const oldRoot = tempDir(t)
    const tree = new OldMirrorTree(oldRoot, 'm')
    tree.add(...(await buildRpms([{ name: 'ancient', arch: 'x86_64' }], tempDir(t))))
    await tree.publish('2018-11-06-02-13', server.url)
    await run('adopt', oldRoot)
    assert.equal(await base(), current)
    const old = `${server.url}/repos/yum/m/2018-11-06-02-13`
    assert.equal((await httpGet(`${old}/repodata/repomd.xml`)).status, 200)
    assert.equal((await httpGet(`${old}/Packages/ancient-1.0-1.x86_64.rpm`)).status, 200)
    for (const arch of ARCHES) assert.equal((await get(current, arch, appOf(arch))).status, 200)
    // The next snapshot is one of both again.
    assert.match(await run('sync'), /unchanged|nothing new/i)

    const moment = `${server.url}/repos/yum/m/at/${new Date(Date.now() + 60_000).toISOString()}`
    assert.equal(
      (await httpGet(`${moment}/aarch64`)).headers['location'],
      new URL(current).pathname.replace('$basearch', 'aarch64'),
    )
    for (const arch of ARCHES) {
      const found = await dnf(tempDir(t), {
        repos: [{ id: 'm', baseurl: `${moment}/$basearch/` }],
        args: ['--quiet', 'repoquery', '--qf', '%{name} %{arch}\n'],
        arch,
      })
      assert.equal(found.code, 0, found.stderr)
      assert.deepEqual(found.stdout.split('\n').filter(Boolean).toSorted(), [`app ${arch}`, 'docs noarch'])
    }
  },
)

function primaryOf(repository: string): string {
  const name = readdirSync(join(repository, 'repodata')).find((one) => one.includes('primary.xml'))
  return join(repository, 'repodata', name ?? '')
}
