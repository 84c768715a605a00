import assert from 'node:assert/strict'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const START_MS = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000

test('old generations and moments stay readable: indexes, and the snapshots they name', async (t) => {
  const dir = tempDir(t)
  const upstream = await startUpstream(t, dir)
  let nowMs = START_MS
  const { url, sync } = await startApp(t, { mirrors: { a: upstream.url, b: upstream.url }, now: () => nowMs })
  const indexes: string[] = []
  for (let round = 0; round < 3; round += 1) {
    nowMs = START_MS + round * HOUR_MS
    writeSyntheticRepository(dir, { packages: [{ name: 'x', version: `1.${round}` }] })
    for (const mirror of ['a', 'b']) {
      await sync(mirror)
      indexes.push((await httpGet(`${url}/repos/yum/all_latest.json`)).body.toString())
    }
  }
  for (const [index, expected] of indexes.entries()) {
    const reply = await httpGet(`${url}/repos/generations/${index + 1}/all_latest.json`)
    assert.equal(reply.body.toString(), expected, `generation ${index + 1}`)
    assert.equal(reply.headers['cache-control'], 'public, max-age=31536000, immutable')
  }
  const at = async (time: string) => await httpGet(`${url}/repos/at/${time}/all_latest.json`)
  assert.equal((await at('2025-12-31T23:59:59Z')).status, 404)
  assert.equal((await at('2026-01-01T00:30Z')).body.toString(), indexes[1])
  assert.equal((await at('2026-01-01T02:30:00.000%2B01:00')).body.toString(), indexes[3])
  assert.equal((await at('2030-01-01T00:00Z')).body.toString(), indexes[5])
  assert.equal((await at('noon')).status, 400)
  assert.equal((await at('2030-01-01T00:00Z')).headers['cache-control'], 'no-cache')
  for (const format of ['yaml', 'py', 'html'])
    assert.equal((await httpGet(`${url}/repos/generations/2/all_latest.${format}`)).status, 200)
  assert.equal((await httpGet(`${url}/repos/generations/7/all_latest.json`)).status, 404)
  assert.equal((await httpGet(`${url}/repos/generations/x/all_latest.json`)).status, 400)

  const moved = await httpGet(`${url}/repos/yum/a/at/2026-01-01T01:59:00Z/repodata/repomd.xml?x=1`)
  assert.equal(moved.status, 302)
  assert.equal(moved.headers['x-cache'], 'redirect')
  assert.equal(moved.headers.location, '/repos/yum/a/2026-01-01-01-00/repodata/repomd.xml')
  assert.equal((await httpGet(`${url}${moved.headers.location}`)).status, 200)
  assert.equal((await httpGet(`${url}/repos/yum/c/at/2026-01-01T01:59:00Z/`)).status, 404)

  const api = JSON.parse(
    (await httpGet(`${url}/api/v1/generations?mirror=b&limit=1`)).body.toString(),
  ) as unknown
  assert.deepEqual(api, {
    generations: [
      {
        generation: 6,
        created_at: '2026-01-01T02:00:00.000Z',
        cause: 'sync',
        by: 'schedule',
        why: null,
        changes: [{ mirror: 'b', from: '2026-01-01-01-00', to: '2026-01-01-02-00' }],
      },
    ],
  })
})
