import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import type { Config, MirrorConfig } from '../../src/config/config.ts'
import { ArchFarm, archSettings, baseFor } from '../support/arch-farm.ts'
import { httpGet } from '../support/http-get.ts'
import { createConfig } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'

/** A farm whose only mirror can be configured anew. */
async function startChanging(t: TestContext, first: (url: string) => Partial<MirrorConfig>) {
  const dataDir = tempDir(t)
  let config: Config | undefined
  const all = await ArchFarm.start(t, undefined, {
    dataDir,
    loadConfig: () => config ?? assert.fail('not yet'),
  })
  const configure = async (settings: (url: string) => Partial<MirrorConfig>) => {
    const { url } = all.upstream
    const m = { baseurls: [], ...settings(url) }
    config = { ...createConfig(dataDir, { mirrors: { m } }), listen: all.farm.app.config.listen }
    await all.farm.app.reload()
  }
  await configure(first)
  return { all, farm: all.farm, configure }
}

/** The status of an architecture's package below a base URL. */
async function has(base: string, arch: string): Promise<number> {
  return (await httpGet(`${baseFor(base, arch)}/Packages/a/app-1.0-1.${arch}.rpm`)).status
}

const both = (url: string) => archSettings(`${url}$basearch/`, ['aarch64', 'x86_64'])
const one = (url: string) => ({ baseurls: [`${url}x86_64/`] })

describe('architectures that come and go', () => {
  test('are in the next snapshot, older ones stay, and each has the base URL that works for it', async (t) => {
    const { all, farm, configure } = await startChanging(t, one)
    for (const arch of ['aarch64', 'x86_64', 's390x']) all.publish(arch, [{ name: 'app', arch }])
    await farm.sync('m')
    const plain = await farm.current('m')
    assert.match(plain, /\d$/)
    await configure(both)
    await farm.sync('m')
    const two = await farm.current('m')
    assert.match(two, /\/\$basearch$/)
    await configure((url) => archSettings(`${url}$basearch/`, ['aarch64', 's390x', 'x86_64']))
    await farm.sync('m')
    const three = await farm.current('m')
    await configure((url) => archSettings(`${url}$basearch/`, ['x86_64']))
    await farm.sync('m')
    const last = await farm.current('m')
    assert.match(last, /\/\$basearch$/)
    assert.equal(new Set([plain, two, three, last]).size, 4)
    assert.deepEqual([await has(plain, 'x86_64'), await has(plain, 'aarch64')], [200, 404])
    for (const [base, arches] of [
      [two, ['aarch64', 'x86_64']],
      [three, ['aarch64', 's390x', 'x86_64']],
      [last, ['x86_64']],
    ] as const)
      for (const arch of ['aarch64', 's390x', 'x86_64'])
        assert.equal(
          await has(base, arch),
          arches.some((known) => known === arch) ? 200 : 404,
          `${base} ${arch}`,
        )
    const { snapshots } = await all.json<{ snapshots: { name: string; path: string; arches: unknown }[] }>(
      '/api/v1/mirrors/m/snapshots',
    )
    assert.deepEqual(
      snapshots.map(({ arches }) => arches),
      [['x86_64'], ['aarch64', 's390x', 'x86_64'], ['aarch64', 'x86_64'], null],
    )
    assert.deepEqual(
      snapshots.map(({ path }) => farm.url + path),
      [last, three, two, plain],
    )
    // Rolled back, the index has the URL of that snapshot; and the past stays what it was.
    const [, , , { name: pin } = { name: '' }] = snapshots
    await configure((url) => ({ ...archSettings(`${url}$basearch/`, ['x86_64']), pin }))
    assert.equal(await farm.current('m'), plain)
    const old = await all.json<{ latest_ci_repos: { m: string } }>('/repos/generations/2/all_latest.json')
    assert.equal(old.latest_ci_repos.m, two)
  })

  test('of the same content are no reason for a snapshot, in whatever order they are written', async (t) => {
    const { all, farm, configure } = await startChanging(t, both)
    for (const arch of ['aarch64', 'x86_64']) all.publish(arch, [{ name: 'app', arch }])
    await farm.sync('m')
    await configure((url) => archSettings(`${url}$basearch/`, ['x86_64', 'aarch64']))
    assert.equal((await farm.sync('m')).outcome, 'unchanged')
  })

  test('leave packages of older snapshots where these can be had, whatever the layout', async (t) => {
    const { all, farm, configure } = await startChanging(t, both)
    for (const arch of ['aarch64', 'x86_64']) all.publish(arch, [{ name: 'app', arch }])
    await farm.sync('m')
    const two = await farm.current('m')
    await configure(one)
    await farm.sync('m')
    const plain = await farm.current('m')
    assert.notEqual(plain, two)
    // Of what left the configuration the server still knows the sources.
    for (const arch of ['aarch64', 'x86_64'])
      assert.equal(
        (await httpGet(`${baseFor(two, arch)}/Packages/a/app-1.0-1.${arch}.rpm`)).status,
        200,
        arch,
      )
    await configure(both)
    assert.equal((await httpGet(`${plain}/Packages/a/app-1.0-1.x86_64.rpm`)).status, 200)
  })
})

test('architectures whose packages climb never leave their own directory', async (t) => {
  const hrefs = ['Packages/below.rpm', '../pool/beside.rpm', '../../above.rpm']
  const all = await ArchFarm.start(t, (url) => archSettings(`${url}$basearch/up/os/`, ['aarch64', 'x86_64']))
  const { farm } = all
  // What climbs to the same place is another file for each.
  for (const [index, arch] of ['aarch64', 'x86_64'].entries())
    all.publish(
      join(arch, 'up/os'),
      hrefs.map((href, at) => ({ name: `p${at}`, arch, href, content: 100 + 10 * index + at })),
    )
  await farm.sync('m')
  const base = await farm.current('m')
  assert.match(base, /\/[\d-]+\/\$basearch\/_\/\$basearch$/)
  const rolling = (await httpGet(`${farm.url}/repos/yum/m/latest/mirror.repo`)).body.toString()
  const [, latest = ''] = /^baseurl=(.*)\/$/m.exec(rolling) ?? []
  assert.match(latest, /\/latest\/\$basearch\/_\/\$basearch$/)
  for (const [index, arch] of ['aarch64', 'x86_64'].entries())
    for (const root of [base, latest])
      for (const [at, href] of hrefs.entries()) {
        const { status, body } = await httpGet(new URL(href, `${baseFor(root, arch)}/`).href)
        assert.deepEqual([status, body.length], [200, 100 + 10 * index + at], `${root} ${arch} ${href}`)
      }
  const snapshot = base.slice(0, base.indexOf('/$'))
  const moment = `${farm.url}/repos/yum/m/at/2200-01-01T00:00:00Z`
  for (const [path, place] of [
    ['/x86_64/', '/x86_64/_/x86_64/'],
    ['/x86_64', '/x86_64/_/x86_64'],
    ['/x86_64/above.rpm', '/x86_64/above.rpm'],
    ['/', '/'],
  ] as const) {
    const { headers } = await httpGet(`${moment}${path}`)
    assert.equal(headers['location'], `${new URL(snapshot).pathname}${place}`)
  }
  const listing = async (path: string) => {
    const page = (await httpGet(`${snapshot}${path}/`)).body.toString()
    return [...page.matchAll(/<a href="\.\/([^"]*)"/g)].map(([, name = '']) => name)
  }
  assert.deepEqual(await listing(''), ['aarch64/', 'x86_64/'])
  assert.deepEqual(await listing('/x86_64'), ['_/', 'above.rpm'])
  assert.deepEqual(await listing('/x86_64/_'), ['pool/', 'x86_64/'])
  assert.deepEqual(await listing('/x86_64/_/x86_64'), ['Packages/', 'repodata/'])
  assert.deepEqual(await listing('/x86_64/repodata').then((names) => names.includes('repomd.xml')), true)
})
