import assert from 'node:assert/strict'
import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import Database from 'better-sqlite3'

import { createLayout } from '../../src/cache/layout.ts'
import { ArchFarm, baseFor } from '../support/arch-farm.ts'
import { httpGet } from '../support/http-get.ts'
import { writeRepodata } from '../support/repodata-files.ts'
import type { Rules } from '../support/upstream-behaviour.ts'

const ARCHES = ['aarch64', 'x86_64'] as const
const APP = { name: 'app', content: 500 }
const DOCS = { name: 'docs', content: Buffer.from('the same for all') }

async function start(t: TestContext): Promise<ArchFarm> {
  const all = await ArchFarm.start(t)
  for (const arch of ARCHES) all.publish(arch, [{ ...APP, arch }, DOCS])
  await all.farm.sync('m')
  return all
}

describe('a mirror of several architectures', () => {
  test('is one snapshot, whose base URL gives each machine its own, and has shared files once', async (t) => {
    const all = await start(t)
    const { farm, upstream } = all
    const base = await farm.current('m')
    assert.match(base, /\/repos\/yum\/m\/\d{4}-[\d-]+\/\$basearch$/)
    for (const arch of ARCHES) {
      const root = baseFor(base, arch)
      const repomd = await httpGet(`${root}/repodata/repomd.xml`)
      assert.deepEqual(repomd.body, readFileSync(join(all.dirOf(arch), 'repodata/repomd.xml')))
      const app = await httpGet(`${root}/Packages/a/app-1.0-1.${arch}.rpm`)
      assert.deepEqual(app.body, readFileSync(join(all.dirOf(arch), `Packages/a/app-1.0-1.${arch}.rpm`)))
      const docs = await httpGet(`${root}/Packages/d/docs-1.0-1.noarch.rpm`)
      assert.deepEqual(docs.body, DOCS.content)
      const other = ARCHES.find((one) => one !== arch) ?? ''
      assert.equal((await httpGet(`${root}/Packages/a/app-1.0-1.${other}.rpm`)).status, 404)
    }
    assert.equal(upstream.count(/docs-.*\.rpm$/), 1, 'one blob, one transfer')
    for (const path of [
      'repodata/repomd.xml',
      '$basearch/repodata/repomd.xml',
      's390x/repodata/repomd.xml',
    ]) {
      const { status, headers } = await httpGet(`${base.replace('/$basearch', '')}/${path}`)
      assert.equal(status, 404, path)
      assert.match(
        String(headers['x-pinyon-reason']),
        /, which has aarch64, x86_64 each below its own name, does not list: /,
      )
    }
  })

  test('that has nothing new costs a conditional request for each', async (t) => {
    const { farm, upstream } = await start(t)
    const before = upstream.count()
    assert.equal((await farm.sync('m')).outcome, 'unchanged')
    assert.deepEqual(
      upstream.requests.slice(before).map(({ path, status }) => [path, status]),
      ARCHES.map((arch) => [`/${arch}/repodata/repomd.xml`, 304]),
    )
  })

  test('of which one has something new is a new snapshot of all, which asks and writes only for that one', async (t) => {
    const all = await start(t)
    const { farm, upstream } = all
    const first = await farm.current('m')
    const rows = countRows(farm.dataDir, 'package')
    const before = upstream.count()
    all.publish('x86_64', [{ ...APP, arch: 'x86_64' }, DOCS, { name: 'new', arch: 'x86_64' }])
    const result = await farm.sync('m')
    assert.ok(result.outcome === 'published')
    assert.deepEqual([result.added, result.removed, result.replaced], [1, 0, 0])
    assert.equal(countRows(farm.dataDir, 'package') - rows, 1)
    const asked = upstream.requests.slice(before).filter(({ path }) => path.startsWith('/aarch64/'))
    assert.deepEqual(
      asked.map(({ path, status }) => [path, status]),
      [['/aarch64/repodata/repomd.xml', 304]],
    )
    const second = await farm.current('m')
    assert.notEqual(second, first)
    for (const base of [first, second])
      assert.equal((await httpGet(`${baseFor(base, 'aarch64')}/repodata/repomd.xml`)).status, 200)
    assert.equal((await httpGet(`${baseFor(second, 'x86_64')}/Packages/n/new-1.0-1.x86_64.rpm`)).status, 200)
    assert.equal(
      (await httpGet(`${baseFor(second, 'aarch64')}/Packages/a/app-1.0-1.aarch64.rpm`)).status,
      200,
    )
    assert.equal((await farm.sync('m')).outcome, 'unchanged')
  })

  test('whose repomd.xml files differ in times alone is no new snapshot, and is asked conditionally from then on', async (t) => {
    const all = await start(t)
    for (const arch of ARCHES) {
      const file = join(all.dirOf(arch), 'repodata/repomd.xml')
      writeFileSync(file, readFileSync(file, 'utf8').replace(/<timestamp>\d+/g, '<timestamp>1700000000'))
      utimesSync(file, 1_700_000_000, 1_700_000_000)
    }
    assert.equal((await all.farm.sync('m')).outcome, 'unchanged')
    const before = all.upstream.count()
    assert.equal((await all.farm.sync('m')).outcome, 'unchanged')
    assert.deepEqual(
      all.upstream.requests.slice(before).map(({ status }) => status),
      [304, 304],
    )
  })

  const PRIMARY = /^\/x86_64\/repodata\/.*primary/
  const TROUBLES: Readonly<Record<string, (all: ArchFarm) => Rules>> = {
    'is dead': () => [{ match: /^\/x86_64\//, hangUp: true }],
    'has gone': () => [{ match: /^\/x86_64\//, status: 404 }],
    'is no repository': () => [{ match: /^\/x86_64\/repodata\/repomd.xml/, html: true }],
    'is torn': (all) => {
      all.publish('x86_64', [{ name: 'new', arch: 'x86_64' }])
      return [{ match: PRIMARY, status: 404 }]
    },
    'has a primary of other bytes': (all) => {
      all.publish('x86_64', [{ name: 'new', arch: 'x86_64' }])
      return [{ match: PRIMARY, flipByteAt: 30 }]
    },
    'has a primary that cannot be read to its end': (all) => {
      const content = '<metadata packages="1"><package type="rpm">'
      writeRepodata(all.dirOf('x86_64'), [{ type: 'primary', content }], { revision: 1_650_000_000 })
      return []
    },
    'went backwards': (all) => {
      all.publish('x86_64', [{ name: 'old', arch: 'x86_64' }], { revision: 1_500_000_000 })
      return []
    },
  }
  for (const [trouble, cause] of Object.entries(TROUBLES))
    test(`publishes nothing while one ${trouble}, and names it`, async (t) => {
      const all = await start(t)
      const { farm, upstream } = all
      const before = await farm.current('m')
      all.publish('aarch64', [{ name: 'new', arch: 'aarch64' }])
      upstream.rules = cause(all)
      await assert.rejects(farm.sync('m'), /x86_64: /)
      assert.equal(await farm.current('m'), before)
      const { error } = await all.json<{ error: string }>('/api/v1/mirrors/m')
      assert.match(error, /^x86_64: /)
      assert.equal((await httpGet(`${baseFor(before, 'x86_64')}/repodata/repomd.xml`)).status, 200)
      upstream.rules = []
      all.publish('x86_64', [{ name: 'well', arch: 'x86_64' }], { revision: 1_660_000_000 })
      assert.equal((await farm.sync('m')).outcome, 'published')
      const after = baseFor(await farm.current('m'), 'aarch64')
      assert.equal((await httpGet(`${after}/Packages/n/new-1.0-1.aarch64.rpm`)).status, 200)
    })
})

function countRows(dataDir: string, table: string): number {
  const database = new Database(createLayout(dataDir).database, { readonly: true })
  try {
    return (database.prepare(`SELECT count(*) AS count FROM ${table}`).get() as { count: number }).count
  } finally {
    database.close()
  }
}
