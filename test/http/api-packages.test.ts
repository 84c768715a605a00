import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { PackageHistories } from '../../src/proxy/api-packages.ts'
import { httpGet } from '../support/http-get.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { SNAPSHOT, startSite, type Site } from './site.ts'

const HOSTILE = `lib"><b>c++&100%`

const app = (version: string) => ({ name: 'app', version })

/** Publishes these, without the files of those before, and syncs them; gives the snapshot's name. */
async function publish(site: Site, packages: readonly SyntheticPackage[]): Promise<string> {
  rmSync(join(site.root, 'Packages'), { recursive: true })
  writeSyntheticRepository(site.root, { packages })
  const result = await site.app.sync('m')
  assert.ok(result.outcome === 'published')
  return result.snapshot.name
}

async function get(site: Site, path: string): Promise<PackageHistories> {
  const { status, headers, body } = await httpGet(`${site.url}/api/v1/mirrors/m/packages${path}`)
  assert.deepEqual([status, headers['content-type']], [200, 'application/json'], body.toString())
  return JSON.parse(body.toString()) as PackageHistories
}

function shorten({ packages }: PackageHistories) {
  return packages.map(({ nevra, first, last, newest, snapshots, state }) => [
    nevra,
    first,
    last,
    newest,
    snapshots,
    state,
  ])
}

describe('the history of a package', () => {
  test('says with which snapshots it came and went, and where its bytes are', async (t) => {
    const site = await startSite(t, { packages: [app('1'), { name: 'other' }] })
    assert.equal((await httpGet(`${site.url}${site.base}Packages/a/app-1-1.noarch.rpm`)).status, 200)
    await site.filled()
    const second = await publish(site, [app('1'), app('2')])
    const third = await publish(site, [app('3'), { name: 'app-libs' }])
    const fourth = await publish(site, [app('3'), app('4'), { name: 'app-libs' }])
    const history = await get(site, '/app')
    const [newest] = history.packages
    assert.deepEqual(newest, {
      nevra: 'app-4-1.noarch',
      name: 'app',
      epoch: '0',
      version: '4',
      release: '1',
      arch: 'noarch',
      href: 'Packages/a/app-4-1.noarch.rpm',
      digest: newest?.digest,
      bytes: 1_000,
      source: 'app-4-1.src.rpm',
      first: fourth,
      last: null,
      newest: true,
      snapshots: 1,
      state: 'on_demand',
      path: `/repos/yum/m/${fourth}/Packages/a/app-4-1.noarch.rpm`,
    })
    assert.match(newest?.digest ?? '', /^sha256:[0-9a-f]{64}$/)
    assert.deepEqual(
      [shorten(history), history.complete],
      [
        [
          ['app-4-1.noarch', fourth, null, true, 1, 'on_demand'],
          ['app-3-1.noarch', third, null, true, 2, 'on_demand'],
          ['app-2-1.noarch', second, second, false, 1, 'at_risk'],
          ['app-1-1.noarch', SNAPSHOT, second, false, 2, 'cached'],
        ],
        true,
      ],
    )
    // Whoever asks for it has all sources asked, and none has it.
    assert.equal((await httpGet(`${site.url}${history.packages[2]?.path}`)).status, 502)
    assert.equal((await get(site, '/app')).packages[2]?.state, 'lost')
    await site.app.store.retire('m', SNAPSHOT, Date.now())
    assert.deepEqual(shorten(await get(site, '/app')).at(-1), [
      'app-1-1.noarch',
      null,
      second,
      false,
      1,
      'cached',
    ])
    // And the page says the same.
    const page = (await httpGet(`${site.url}/mirrors/m/packages/app`)).body.toString()
    assert.match(page, />This page as JSON</)
    assert.ok(page.includes('href="/api/v1/mirrors/m/packages/app"'))
    assert.match(page, /app-2-1|>2-1\.noarch<[^]*?lost</)
  })

  test('is found by a part of name, version, path or source, some at a time', async (t) => {
    const packages = Array.from({ length: 5 }, (_, at) => ({
      name: `app-${at}`,
      source: 'whole-1-1.src.rpm',
    }))
    const site = await startSite(t, { packages: [...packages, { name: 'other' }] })
    assert.equal((await get(site, '?q=WHOLE')).packages.length, 5)
    assert.deepEqual(
      (await get(site, '?q=other-1')).packages.map(({ name }) => name),
      ['other'],
    )
    const some = await get(site, '?q=app&limit=2')
    assert.deepEqual([some.packages.length, some.complete], [2, false])
    assert.deepEqual(await get(site, '?q=nothing'), { mirror: 'm', packages: [], complete: true })
    const page = (await httpGet(`${site.url}/mirrors/m/packages?q=app`)).body.toString()
    assert.ok(page.includes('href="/api/v1/mirrors/m/packages?q=app"'))
  })

  test('is that of a name that means something in URLs and in markup', async (t) => {
    const site = await startSite(t, { packages: [{ name: HOSTILE, href: 'Packages/a+b#c.rpm' }] })
    const { packages } = await get(site, `/${encodeURIComponent(HOSTILE)}`)
    assert.deepEqual(
      packages.map(({ name }) => name),
      [HOSTILE],
    )
    assert.equal((await httpGet(`${site.url}${packages[0]?.path}`)).status, 200)
    const page = await httpGet(`${site.url}/mirrors/m/packages/${encodeURIComponent(HOSTILE)}`)
    const link = /href="([^"]+)">This page as JSON/.exec(page.body.toString())?.[1] ?? ''
    assert.equal((await httpGet(`${site.url}${link}`)).status, 200, link)
  })

  test('is a problem where there is none, and where nothing was asked for', async (t) => {
    const site = await startSite(t, { packages: [{ name: 'app' }] })
    const refused = { '': 400, '?q=': 400, '?q=+': 400, '?q=a&limit=x': 400, '/none': 404, '/app/x': 404 }
    for (const [path, expected] of Object.entries({ ...refused, [`?q=${'x'.repeat(101)}`]: 400 })) {
      const { status, headers, body } = await httpGet(`${site.url}/api/v1/mirrors/m/packages${path}`)
      assert.deepEqual([status, headers['content-type']], [expected, 'application/problem+json'], path)
      assert.equal((JSON.parse(body.toString()) as { status: number }).status, expected)
    }
    assert.equal((await httpGet(`${site.url}/api/v1/mirrors/none/packages/app`)).status, 404)
  })
})
