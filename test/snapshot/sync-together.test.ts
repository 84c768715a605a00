import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createLayout } from '../../src/cache/layout.ts'
import { runCommand } from '../support/run-command.ts'
import { gate } from '../support/gate.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')

/** repomd.xml, its signature and key, primary, filelists, other. */
const BEFORE_HELD = 6

function createPackages(prefix: string, count: number): SyntheticPackage[] {
  return Array.from({ length: count }, (_, index) => ({ name: `${prefix}${index}`, content: 1 }))
}

describe('syncs side by side', () => {
  test('of several mirrors in one server do not mix', async (t) => {
    const names = ['k', 'l', 'm', 'n', 'o', 'p']
    const root = tempDir(t)
    for (const name of names)
      writeSyntheticRepository(join(root, name), { packages: createPackages(name, 500), withoutFiles: true })
    const upstream = await startUpstream(t, root)
    const mirrors = Object.fromEntries(names.map((name) => [name, `${upstream.url}${name}/`]))
    const server = await startApp(t, { mirrors })
    const results = await Promise.all(names.map((name) => server.sync(name)))
    for (const [index, result] of results.entries()) {
      assert.equal(result.snapshot.packageCount, 500)
      const href = `Packages/${names[index]}/${names[index]}499-1.0-1.noarch.rpm`
      assert.ok((await server.app.store.file(result.snapshot, href)) !== undefined, href)
    }
    const { generation, current } = await server.app.store.index()
    assert.deepEqual([generation, [...current.keys()]], [6, names])
    assert.deepEqual(readdirSync(createLayout(server.dataDir).temporary), [])
  })

  test('of mirrors with the same files fetch each of them once, in one process and in two', async (t) => {
    const names = ['k', 'l', 'm']
    const root = tempDir(t)
    writeSyntheticRepository(root, { packages: createPackages('a', 3), withoutFiles: true })
    const upstream = await startUpstream(t, root)
    const hold = gate()
    upstream.rules = [{ match: /-(?:primary|other|filelists)/, hold }]
    const dataDir = tempDir(t)
    const mirrors = Object.fromEntries(names.map((name) => [name, upstream.url]))
    const first = await startApp(t, { mirrors, dataDir })
    const second = await startApp(t, { mirrors, dataDir })
    const syncs = [first.sync('k'), first.sync('l'), second.sync('m')]
    await upstream.waitFor('repomd.xml', 3)
    await upstream.waitFor(/-(?:primary|other|filelists)/, 3)
    hold.open()
    for (const { outcome } of await Promise.all(syncs)) assert.equal(outcome, 'published')
    for (const name of ['primary', 'filelists', 'other'])
      assert.equal(upstream.count(new RegExp(`-${name}`)), 1, name)
  })

  test('of one mirror in two processes: one does it, the other one says that it runs', async (t) => {
    const dir = tempDir(t)
    writeSyntheticRepository(dir, { packages: createPackages('a', 3), withoutFiles: true })
    const upstream = await startUpstream(t, dir)
    const hold = gate()
    upstream.rules = [{ match: /-other/, hold }]
    const server = await startServer(t, { mirrors: { m: { baseurl: upstream.url } } })
    const first = runCommand(process.execPath, [MAIN, 'sync', '--config', server.configFile])
    // All that the first sync asks for before it needs what is held.
    await upstream.waitFor(/./, BEFORE_HELD)
    const before = upstream.count()
    const second = await startApp(t, { mirrors: { m: upstream.url }, dataDir: server.dataDir })
    const refused = await second.app.sync('m')
    assert.ok(refused.outcome === 'failed' && refused.error.code === 'SYNC_RUNNING')
    assert.equal(upstream.count(), before, 'it has not asked upstream')
    const [state] = await second.app.store.mirrors()
    assert.deepEqual([state?.error, state?.checkedAt], [undefined, undefined])
    hold.open()
    const { code, stdout } = await first
    assert.deepEqual([code, /published .*, 3 packages/.test(stdout)], [0, true])
    assert.equal((await second.app.sync('m')).outcome, 'unchanged')
    assert.equal((await httpGet(`${second.url}/repos/yum/m/latest.txt`)).status, 200)
  })

  test('of one mirror in one server are one sync', async (t) => {
    const dir = tempDir(t)
    writeSyntheticRepository(dir, { packages: createPackages('a', 3), withoutFiles: true })
    const upstream = await startUpstream(t, dir)
    const server = await startApp(t, { mirrors: { m: upstream.url } })
    const results = await Promise.all([server.sync('m'), server.sync('m'), server.sync('m')])
    assert.equal(new Set(results).size, 1)
    assert.equal(upstream.count(/-primary/), 1)
  })

  test('end with the server that runs them, and leave nothing behind', async (t) => {
    const dir = tempDir(t)
    writeSyntheticRepository(dir, { packages: createPackages('a', 3), withoutFiles: true })
    const upstream = await startUpstream(t, dir)
    upstream.rules = [{ match: /-other/, hold: gate() }]
    const server = await startApp(t, { mirrors: { m: upstream.url } })
    const sync = server.app.sync('m')
    await upstream.waitFor(/-other/)
    await server.close()
    const result = await sync
    assert.ok(result.outcome === 'failed' && result.error.code === 'SHUTTING_DOWN')
    assert.deepEqual(readdirSync(createLayout(server.dataDir).temporary), [])
    upstream.rules = []
    const again = await startApp(t, { mirrors: { m: upstream.url }, dataDir: server.dataDir })
    const [state] = await again.app.store.mirrors()
    assert.deepEqual(
      [state?.error, state?.checkedAt],
      [undefined, undefined],
      'that is no failure of upstream',
    )
    assert.equal((await again.sync('m')).outcome, 'published')
  })
})
