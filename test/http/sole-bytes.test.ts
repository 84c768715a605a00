import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { RemovalView, UsageView } from '../../src/proxy/api-usage.ts'
import type { ViewList } from '../../src/proxy/api-views.ts'
import { httpGet } from '../support/http-get.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { startSite } from './site.ts'

const DAY_MS = 86_400_000

test('views tell what only they hold, as a page and as JSON', async (t) => {
  const site = await startSite(t, { packages: [{ name: 'a', content: 4_000 }] })
  const get = async (path: string) => (await httpGet(`${site.url}${path}`)).body.toString()
  await get(`${site.base}${site.repository.packages[0]?.href}`)
  await site.filled()
  await get('/repos/views/job/all_latest.json?ttl=14d')
  // Retention lets the snapshot go that a newer one follows, but for the view.
  site.later(15 * DAY_MS)
  writeSyntheticRepository(site.root, { packages: [{ name: 'b' }], revision: 1_600_000_000 })
  assert.equal((await site.app.sync('m')).outcome, 'published')
  await get('/repos/views/other/all_latest.json')
  const { views } = JSON.parse(await get('/api/v1/views')) as ViewList
  const [job, other] = views
  assert.deepEqual([job?.name, other?.name, other?.only_held_bytes], ['job', 'other', 0])
  assert.ok((job?.only_held_bytes ?? 0) > 4_000, JSON.stringify(job))
  const page = (await get('/views')).replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')
  assert.match(page, / Only it holds /)
  assert.match(page, / job 1 .* \d\.\d KiB only it holds other 2 .* 0 B only it holds /)
  assert.match(page, /curl -X DELETE .*repos\/ views\/ job\/ all_latest/)
  const one = JSON.parse(await get('/api/v1/views/job')) as { only_held_bytes: number }
  assert.equal(one.only_held_bytes, job?.only_held_bytes)
})

test('what nobody uses tells when it was used first, and what only it holds', async (t) => {
  const site = await startSite(t, { packages: [{ name: 'a', content: 4_000 }] })
  const get = async (path: string) => (await httpGet(`${site.url}${path}`)).body.toString()
  const words = async (path: string) => (await get(path)).replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')
  await get(`${site.base}${site.repository.packages[0]?.href}`)
  await site.filled()
  const used = JSON.parse(await get('/api/v1/usage/m')) as UsageView & RemovalView
  assert.equal(used.only_held_bytes, null, 'it is in use')
  assert.doesNotMatch(await words('/usage'), / m .* only it holds /)
  site.later(15 * DAY_MS)
  const { mirrors } = JSON.parse(await get('/api/v1/usage')) as { mirrors: RemovalView[] }
  const bytes = mirrors[0]?.only_held_bytes ?? 0
  assert.ok(bytes > 4_000, JSON.stringify(mirrors))
  const one = JSON.parse(await get('/api/v1/usage/m')) as UsageView & RemovalView
  assert.deepEqual([one.only_held_bytes, one.first_seen], [bytes, used.first_seen])
  assert.match(await words('/usage?q=m'), / First used .* m nobody for 14 days .* \d\.\d KiB only it holds /)
  const page = await words('/usage/m')
  assert.match(page, /, the first 13 Dec 13:\d\d , the last 13 Dec 13:\d\d \. /)
  assert.match(
    page,
    /pinyon remove m --dry-run Copy Only it holds \d\.\d KiB: freed once its snapshots have gone\./,
  )
})
