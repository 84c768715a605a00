import assert from 'node:assert/strict'
import { test } from 'node:test'

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
