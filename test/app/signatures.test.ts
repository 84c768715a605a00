import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { App } from '../../src/app/app.ts'
import type { Config, MirrorConfig } from '../../src/config/config.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { DEFAULT_CACHE, DEFAULT_RETENTION, NO_PREFETCH, ON_DEMAND } from '../support/config-defaults.ts'
import { Gpg } from '../support/gpg.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

test('a reload with another gpgkey is looked upstream for at once', needs('gpg'), async (t) => {
  const gpg = Gpg.create(t)
  const [own, other] = [await gpg.generate('own'), await gpg.generate('other')]
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [{ name: 'a' }] })
  const repomd = join(dir, 'repodata/repomd.xml')
  writeFileSync(`${repomd}.asc`, await gpg.sign(readFileSync(repomd), { keys: [own] }))
  const upstream = await startUpstream(t, dir)
  const withKey = async (key: string): Promise<Config> => {
    const mirror: MirrorConfig = {
      name: 'm',
      baseurls: [upstream.url],
      enabled: true,
      syncIntervalMs: 'off',
      timeoutMs: 10_000,
      retries: 0,
      strict: false,
      allowOlder: false,
      repoGpgcheck: true,
      ...ON_DEMAND,
      gpgKeys: [{ file: '/KEY', armored: await gpg.export([key]) }],
    }
    return {
      file: '/nonexistent/pinyon.yaml',
      listen: { host: '127.0.0.1', port: 0 },
      dataDir: join(dir, 'data'),
      syncIntervalMs: 'off',
      retention: DEFAULT_RETENTION,
      cache: DEFAULT_CACHE,
      ...NO_PREFETCH,
      mirrors: new Map([['m', mirror]]),
    }
  }
  let config = await withKey(other)
  const app = await App.open({ config, log: createSilentLogger(), loadConfig: () => config })
  t.after(() => app.close())
  await app.applyConfiguration()
  const refused = await app.sync('m')
  assert.match(refused.outcome === 'failed' ? refused.error.message : '', /unknown key/)
  config = await withKey(own)
  const looks = upstream.count('.asc')
  await app.reload()
  await upstream.waitFor('.asc', looks + 1)
  const { outcome } = await app.sync('m')
  assert.equal(outcome, 'published')
  const requests = upstream.count()
  await app.reload()
  assert.equal((await app.sync('m')).outcome, 'unchanged')
  assert.equal(upstream.count() - requests, 1, 'nothing was synced for a reload that changes nothing')
})
