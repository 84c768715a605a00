import assert from 'node:assert/strict'
import { test } from 'node:test'

import { DEFAULT_RETENTION } from '../support/config-defaults.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

test('a server forgets what another one on its directory has retired, however often it answered it', async (t) => {
  const [root, dataDir] = [tempDir(t), tempDir(t)]
  const upstream = await startUpstream(t, root)
  let nowMs = Date.UTC(2026, 0, 1)
  const options = {
    dataDir,
    mirrors: { m: upstream.url },
    settings: { retention: { ...DEFAULT_RETENTION, keep: 1, keepUsedMs: 1_000 } },
    now: () => nowMs,
  }
  const servers = [await startApp(t, options), await startApp(t, options)] as const
  writeSyntheticRepository(root, { packages: [{ name: 'p', version: '1' }] })
  await servers[0].sync('m')
  const { pathname } = new URL(await servers[0].current('m'))
  const statuses = async () => {
    const replies = servers.map(({ url }) => httpGet(`${url}${pathname}/repodata/repomd.xml`))
    return (await Promise.all(replies)).map(({ status }) => status)
  }
  assert.deepEqual(await statuses(), [200, 200])
  assert.deepEqual(await statuses(), [200, 200], 'remembered')
  writeSyntheticRepository(root, { packages: [{ name: 'p', version: '2' }] })
  await servers[0].sync('m')
  nowMs += 60_000
  await servers[0].app.collector.collect()
  for (const { app } of servers) await app.retiredWatch.look()
  assert.deepEqual(await statuses(), [404, 404])
})
