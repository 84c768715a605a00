import assert from 'node:assert/strict'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startSite, type Site } from './site.ts'

test('the API tells each look upstream, and what it came to', async (t) => {
  const site = await startSite(t, { packages: [{ name: 'a' }], others: ['never'] })
  const name = await publishedName(site)
  await site.app.sync('m')
  await site.app.sync('m')
  await site.upstream.stop()
  await site.app.sync('m')
  const { body } = await ask(site, 'checks')
  const { checks, next } = body as { checks: Record<string, unknown>[]; next: unknown }
  assert.equal(next, null)
  assert.deepEqual(
    checks.map(({ mirror, result, times, snapshot }) => [mirror, result, times, snapshot]),
    [
      ['m', 'failed', 1, null],
      ['m', 'unchanged', 2, null],
      ['m', 'published', 1, name],
    ],
  )
  assert.match(String(checks[0]?.['reason']), /could not be reached/)
  assert.deepEqual([checks[1]?.['reason'], Number(checks[2]?.['bytes']) > 0], [null, true])
  assert.ok(Date.parse(String(checks[1]?.['first_at'])) < Date.parse(String(checks[1]?.['last_at'])))
  const { checks: failed } = (await ask(site, 'checks?mirror=m&result=failed')).body as { checks: unknown[] }
  assert.deepEqual(failed, [checks[0]])
  const first = (await ask(site, 'checks?limit=2')).body as { checks: unknown[]; next: number }
  assert.deepEqual(first.checks, checks.slice(0, 2))
  const rest = (await ask(site, `checks?limit=2&before=${first.next}`)).body
  assert.deepEqual(rest, { checks: checks.slice(2), next: null })
  assert.deepEqual((await ask(site, 'checks?mirror=never')).body, { checks: [], next: null })
  assert.equal((await ask(site, 'checks?result=good')).status, 400)
})

async function ask(site: Site, path: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const { status, body } = await httpGet(`${site.url}/api/v1/${path}`)
  return { status, body: JSON.parse(body.toString()) as unknown }
}

async function publishedName(site: Site): Promise<string> {
  const { body } = await httpGet(`${site.url}/repos/yum/m/latest.txt`)
  return body.toString().trim()
}
