import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { App } from '../../src/app/app.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const MINUTE_MS = 60_000

describe('how much of a snapshot is cached', () => {
  test('is right within a minute of its publication, of a package that lies beside the packages as well', async (t) => {
    const root = tempDir(t)
    const content = Buffer.from('says where the repository is')
    writeSyntheticRepository(root, { packages: [{ name: 'release', content }, { name: 'other' }] })
    writeFileSync(join(root, 'release-latest.rpm'), content)
    const { url } = await startUpstream(t, root)
    t.mock.timers.enable({ apis: ['setInterval'] })
    const mirrors = { m: { baseurls: [url], extraFiles: ['release-latest.rpm'] } }
    const farm = await startApp(t, { mirrors })
    farm.app.startSyncing()
    // What there is at a start has been counted.
    await passMinute(t, farm.app)
    await farm.sync('m')
    await passMinute(t, farm.app)
    const { body } = await httpGet(`${farm.url}/api/v1/mirrors/m`)
    const { cached, cached_bytes: bytes } = JSON.parse(body.toString()) as Record<string, unknown>
    assert.deepEqual([cached, bytes], [1, content.length])
  })
})

/** Resolves when what is counted then has been: counts come one after the other. */
async function passMinute(t: TestContext, { store }: App): Promise<void> {
  t.mock.timers.tick(MINUTE_MS)
  await nextTurn()
  await store.stock.recount('no mirror')
}
