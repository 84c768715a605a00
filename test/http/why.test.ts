import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import { httpGet } from '../support/http-get.ts'
import { hrefOf, startFarm } from '../app/prefetch-farm.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { readWhy } from './read-why.ts'
import { SNAPSHOT, startSite } from './site.ts'

const PACKAGES = [{ name: 'a', content: 700 }]

describe('why', () => {
  test('a package that was never asked for, and then is stored', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const [listed] = site.repository.packages
    assert.ok(listed !== undefined)
    const path = `${site.base}${listed.href}`
    const before = await readWhy(site.url, path)
    assert.deepEqual(
      [before.status, before.kind, before.mirror, before.snapshot],
      [200, 'package', 'm', SNAPSHOT],
    )
    const { file } = before
    assert.deepEqual([file?.href, file?.digest, file?.bytes], [listed.href, listed.checksum, listed.size])
    assert.deepEqual([file?.stated_by, file?.stored.state, file?.departed], ['primary', 'absent', null])
    assert.match(file?.nevra ?? '', /^a-\S+\.\w+$/)
    assert.equal(file?.signature.state, 'none')
    assert.deepEqual(
      file?.sources.map(({ baseurl, fallback, state }) => [baseurl, fallback, state]),
      [[site.upstream.url, false, 'ok']],
    )
    assert.equal(site.upstream.requests.length, 0, 'explaining fetches nothing')
    assert.equal((await httpGet(`${site.url}${path}`, { headers: { 'user-agent': 'curl/8' } })).status, 200)
    await site.filled()
    const after = await readWhy(site.url, `http://elsewhere.example${path}?x=1#y`)
    assert.deepEqual(
      [after.path, after.file?.stored.state, after.file?.stored.bytes],
      [path, 'stored', listed.size],
    )
    assert.notEqual(after.file?.stored.used_at, null)
    assert.equal(after.asked?.snapshot_requests, 1)
    assert.deepEqual(
      after.asked?.clients.map(({ client, agent }) => [client, agent]),
      [['127.0.0.0/24', 'curl']],
    )
  })

  test('repodata rest on repomd.xml, and that on its capture', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const repomd = await readWhy(site.url, `${site.base}repodata/repomd.xml`)
    assert.deepEqual(
      [repomd.kind, repomd.file?.stated_by, repomd.file?.stored.state],
      ['repodata', 'sync', 'stored'],
    )
    const { body } = await httpGet(`${site.url}${site.base}repodata/repomd.xml`)
    const href = /href="(repodata\/[^"]*primary[^"]*)"/.exec(body.toString())?.[1]
    const primary = await readWhy(site.url, `${site.base}${href}`)
    assert.deepEqual(
      [primary.kind, primary.file?.stated_by, primary.file?.nevra],
      ['repodata', 'repomd.xml', null],
    )
  })

  test('what is not there says why; what is elsewhere, where', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const missing = await readWhy(site.url, `${site.base}Packages/other.rpm`)
    assert.deepEqual([missing.status, missing.code, missing.kind], [404, 'NOT_FOUND', 'none'])
    assert.match(missing.reason ?? '', /does not list: Packages\/other\.rpm/)
    assert.deepEqual([missing.mirror, missing.snapshot], ['m', SNAPSHOT])
    const unknown = await readWhy(site.url, '/repos/yum/nobody/2016-12-13-13-30/x')
    assert.match(unknown.reason ?? '', /no such mirror, there is m: nobody/)
    const refused = await readWhy(site.url, '/repos/yum/m/%2e%2e/x')
    assert.deepEqual([refused.status, refused.code], [400, 'PATH_REFUSED'])
    const moment = await readWhy(site.url, `/repos/yum/m/at/2030-01-01T00:00:00Z/repodata/repomd.xml`)
    assert.deepEqual([moment.status, moment.redirects], [302, [`${site.base}repodata/repomd.xml`]])
    assert.equal(moment.file?.href, 'repodata/repomd.xml')
    const index = await readWhy(site.url, '/repos/yum/all_latest.json')
    assert.deepEqual([index.status, index.kind, index.file], [200, 'text', null])
    const bare = await httpGet(`${site.url}/api/v1/why`)
    assert.equal(bare.status, 400)
  })

  test('a view is looked at, and neither frozen nor kept', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const path = '/repos/views/job-1/all_latest.json'
    assert.deepEqual((await readWhy(site.url, path)).view, { name: 'job-1', generation: null, ends_at: null })
    assert.equal(await site.app.store.views.count(), 0)
    assert.equal((await httpGet(`${site.url}${path}`)).status, 200)
    const found = await readWhy(site.url, path)
    assert.equal(found.view?.generation, (await site.app.store.index()).generation)
    assert.notEqual(found.view?.ends_at, null)
  })

  test('a package that upstream dropped: when, and what each source said', async (t) => {
    const farm = await startFarm(t, { mirror: { policy: 'on_demand' } })
    farm.push(['a-1', 'b-1'])
    const first = await farm.sync()
    farm.push(['b-1'])
    await farm.sync()
    const path = `${new URL(first).pathname}/${hrefOf('a-1')}`
    const atRisk = await readWhy(farm.app.url, path)
    assert.equal(atRisk.file?.departed?.state, 'at_risk')
    assert.notEqual(atRisk.file?.departed?.left_at, null)
    assert.equal((await farm.get(first, 'a-1')).status, 502)
    const lost = await readWhy(farm.app.url, path)
    assert.deepEqual([lost.file?.departed?.state, lost.file?.departed?.times], ['lost', 1])
    assert.match(lost.file?.departed?.answers ?? '', /has it not/)
    assert.equal(lost.file?.digest, digestOf(seededBytes(`${hrefOf('a-1')} 20000`, 20_000)))
  })
})
