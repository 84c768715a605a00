import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { SnapshotPastView } from '../../src/proxy/api-snapshot-past.ts'
import { ArchFarm } from '../support/arch-farm.ts'
import { httpGet } from '../support/http-get.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { startSite } from './site.ts'

async function readPast(url: string, snapshot: string): Promise<SnapshotPastView> {
  const { body } = await httpGet(`${url}/api/v1/mirrors/m/snapshots/${snapshot}`)
  return JSON.parse(body.toString()) as SnapshotPastView
}

/** The words of a snapshot's page. */
async function readPage(url: string, snapshot: string): Promise<string> {
  const { body } = await httpGet(`${url}/mirrors/m/snapshots/${snapshot}`)
  return body
    .toString()
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
}

/** What no clock has a say in. */
function whatIsSure({ fetched }: SnapshotPastView) {
  return fetched.map(({ arch, baseurl, listed, moved }) => ({ arch, baseurl, listed, moved }))
}

describe('a snapshot tells', () => {
  test('where it came from, whether that moved meanwhile, and which generations saw it', async (t) => {
    const site = await startSite(t, { packages: [{ name: 'a' }] })
    const { upstream, root, url } = site
    const [first] = await site.app.store.snapshots('m')
    assert.ok(first !== undefined)
    const source = { arch: null, baseurl: upstream.url, listed: false }
    const alone = await readPast(url, first.name)
    assert.deepEqual(whatIsSure(alone), [{ ...source, moved: 0 }])
    const [{ duration_ms: duration, bytes } = { duration_ms: -1, bytes: 0 }] = alone.fetched
    assert.ok(Number.isInteger(duration) && duration >= 0 && bytes > 0, JSON.stringify(alone))
    const since = new Date(first.createdAt).toISOString()
    assert.deepEqual(alone.generations, [{ first: 1, since, last: null, until: null }])

    const publish = (version: string) =>
      void writeSyntheticRepository(root, { packages: [{ name: 'a', version }], revision: Number(version) })
    publish('1600000000')
    // The first look sees that one, and the look at the end another.
    let looks = 0
    const publishOnce = () => void ((looks += 1) === 2 && publish('1600000001'))
    upstream.rules = [{ match: 'repomd.xml', before: publishOnce }]
    const result = await site.app.sync('m')
    assert.ok(result.outcome === 'published')
    const second = result.snapshot
    assert.equal(second.revision, '1600000001')
    assert.deepEqual(whatIsSure(await readPast(url, second.name)), [{ ...source, moved: 1 }])
    const until = new Date(second.createdAt).toISOString()
    assert.deepEqual((await readPast(url, first.name)).generations, [{ first: 1, since, last: 1, until }])

    const { host } = new URL(upstream.url)
    const before = await readPage(url, first.name)
    assert.match(
      before,
      new RegExp(`Fetched from ${host}/ Fetched in \\d+ m?s, .* stayed the same meanwhile`),
    )
    assert.match(before, / 1 from 13:30 until 13:31 , for 1 min /)
    const now = await readPage(url, second.name)
    assert.match(now, /repomd.xml was another one afterwards 1 time, and was fetched anew/)
    assert.match(now, / 2 to now from 13:31 current /)
  })

  test('of several architectures each source of what is new', async (t) => {
    const all = await ArchFarm.start(t)
    for (const arch of ['aarch64', 'x86_64']) all.publish(arch, [{ name: 'app', arch }])
    const { snapshot: first } = await all.farm.sync('m')
    all.publish('x86_64', [{ name: 'app', arch: 'x86_64', version: '2' }])
    const { snapshot: second } = await all.farm.sync('m')
    const { url } = all.farm
    const from = (arch: string) => ({ arch, baseurl: `${all.upstream.url}${arch}/`, listed: false, moved: 0 })
    assert.deepEqual(whatIsSure(await readPast(url, first.name)), [from('aarch64'), from('x86_64')])
    assert.deepEqual(whatIsSure(await readPast(url, second.name)), [from('x86_64')])
    assert.match(await readPage(url, second.name), / Fetched from of x86_64 /)
  })
})
