import assert from 'node:assert/strict'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const VIEW = '/repos/views/job-1/all_latest.json'
const CLICK = { 'Sec-Fetch-User': '?1', 'Sec-Fetch-Dest': 'document' }

test('a view is opened and ended for jobs, and for nobody whose page a browser shows', async (t) => {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: [{ name: 'bash' }] })
  const { url, sync } = await startApp(t, { mirrors: { m: (await startUpstream(t, root)).url } })
  await sync('m')
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) =>
    (await httpGet(`${url}${path}`, { method, headers })).status
  const count = async () => (await (await fetch(`${url}/api/v1/views`)).json()) as { count: number }
  for (const headers of [
    { Origin: 'http://elsewhere.example' },
    { Origin: 'null' },
    { Origin: url },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Dest': 'image' },
    { ...CLICK, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'iframe' },
    { ...CLICK, 'Sec-Fetch-Site': 'cross-site', Origin: 'null' },
  ] as Record<string, string>[]) {
    assert.equal(await ask('GET', VIEW, headers), 403, JSON.stringify(headers))
    assert.equal(await ask('POST', '/repos/inject?view=job-1', headers), 403, JSON.stringify(headers))
  }
  assert.equal((await count()).count, 0)
  assert.equal(await ask('GET', VIEW), 200)
  assert.equal(await ask('GET', VIEW, { ...CLICK, 'Sec-Fetch-Site': 'cross-site' }), 200, 'a link')
  assert.equal(await ask('GET', VIEW, { 'Sec-Fetch-Site': 'none' }), 200, 'an address that somebody typed')
  assert.equal(await ask('DELETE', VIEW, { Origin: 'http://elsewhere.example' }), 403)
  assert.equal((await count()).count, 1)
  assert.equal(await ask('DELETE', VIEW), 204)
})
