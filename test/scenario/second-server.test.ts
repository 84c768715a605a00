import assert from 'node:assert/strict'
import { test } from 'node:test'

import { App } from '../../src/app/app.ts'
import type { Config } from '../../src/config/config.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { DEFAULT_CACHE, DEFAULT_RETENTION, NO_PREFETCH } from '../support/config-defaults.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

test('a server that cannot start leaves what another one on its directory serves as it is', async (t) => {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [{ name: 'a' }] })
  const upstream = await startUpstream(t, dir)
  const { url, sync, dataDir } = await startApp(t, { mirrors: { m: upstream.url } })
  await sync('m')
  const before = (await httpGet(`${url}/repos/yum/all_latest.json`)).body.toString()
  const config: Config = {
    file: '/nonexistent/other.yaml',
    listen: { host: '127.0.0.1', port: Number(new URL(url).port) },
    dataDir,
    syncIntervalMs: 'off',
    retention: DEFAULT_RETENTION,
    cache: DEFAULT_CACHE,
    ...NO_PREFETCH,
    mirrors: new Map(),
  }
  const other = await App.open({ config, log: createSilentLogger() })
  t.after(() => other.close())
  await assert.rejects(other.listen(), { code: 'EADDRINUSE' })
  assert.equal((await httpGet(`${url}/repos/yum/all_latest.json`)).body.toString(), before)
})
