import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { blobPath, createLayout } from '../../src/cache/layout.ts'
import { checkMirrors } from '../../src/cli/doctor/check-mirrors.ts'
import type { Digest } from '../../src/model/digest.ts'
import { ArchFarm, baseFor } from '../support/arch-farm.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'

const ARCHES = ['aarch64', 'x86_64'] as const
const DOCS = { name: 'docs', content: Buffer.from('the same for all') }

describe('what is kept of several architectures', () => {
  test('is fetched ahead from the sources of each, and what all have once', async (t) => {
    const all = await ArchFarm.start(t, () => ({ policy: 'immediate' }))
    for (const arch of ARCHES) all.publish(arch, [{ name: 'app', arch }, DOCS])
    await all.farm.sync('m')
    await all.farm.app.prefetcher.settled('m')
    assert.deepEqual(
      all.upstream.requests
        .map(({ path }) => path)
        .filter((path) => path.endsWith('.rpm'))
        .map((path) => path.replace(/.*\//, ''))
        .toSorted(),
      ['app-1.0-1.aarch64.rpm', 'app-1.0-1.x86_64.rpm', 'docs-1.0-1.noarch.rpm'],
    )
    // What left upstream, and jobs hold, is fetched for who holds it.
    const held = await all.farm.current('m')
    await all.upstream.stop()
    for (const arch of ARCHES)
      for (const name of [`a/app-1.0-1.${arch}`, 'd/docs-1.0-1.noarch'])
        assert.equal((await httpGet(`${baseFor(held, arch)}/Packages/${name}.rpm`)).status, 200, name)
  })

  test('is fetched before it is lost, by its place in the snapshot that lists it', async (t) => {
    const all = await ArchFarm.start(t)
    for (const arch of ARCHES) all.publish(arch, [{ name: 'app', arch }])
    await all.farm.sync('m')
    for (const arch of ARCHES) all.publish(arch, [{ name: 'new', arch }])
    await all.farm.sync('m')
    const url = `${all.farm.url}/repos/views/job/all_latest.json?ttl=1h`
    assert.equal((await httpGet(url)).status, 200)
    const { prefetcher } = all.farm.app
    const tally = await prefetcher.fetch('m', { which: 'at_risk', specs: [] }, () => undefined)
    assert.equal(tally.fetched, 2, JSON.stringify(tally))
    assert.equal(all.upstream.count(/^\/(aarch64|x86_64)\/Packages\/a\/app-1\.0-1\.\1\.rpm$/), 2)
  })

  test('is had of another one, when it is for none and its own has dropped it', async (t) => {
    const all = await ArchFarm.start(t)
    for (const arch of ARCHES) all.publish(arch, [{ name: 'app', arch }, DOCS])
    await all.farm.sync('m')
    const old = await all.farm.current('m')
    rmSync(join(all.dirOf('x86_64'), 'Packages'), { recursive: true })
    all.publish('x86_64', [{ name: 'app', arch: 'x86_64' }])
    await all.farm.sync('m')
    const { status, body } = await httpGet(`${baseFor(old, 'x86_64')}/Packages/d/docs-1.0-1.noarch.rpm`)
    assert.deepEqual([status, body], [200, DOCS.content])
    assert.equal(all.upstream.count(/^\/aarch64\/.*docs/), 1)
  })

  test('is found wrong by verify, and fetched again from where it belongs', async (t) => {
    const all = await ArchFarm.start(t)
    for (const arch of ARCHES) all.publish(arch, [{ name: 'app', arch }])
    const { snapshot } = await all.farm.sync('m')
    const base = await all.farm.current('m')
    const path = 'x86_64/Packages/a/app-1.0-1.x86_64.rpm'
    const { body } = await httpGet(`${base.replace('/$basearch', '')}/${path}`)
    // Once it is stored.
    await all.farm.app.prefetcher.fetch('m', { which: 'all', specs: [] }, () => undefined)
    const { store } = all.farm.app
    const files = await store.files(snapshot)
    const primary = files.find((file) => file.type === 'primary' && file.path.startsWith('x86_64/'))
    const digests = [primary?.digest, (await store.file(snapshot, path))?.digest]
    for (const digest of digests) {
      const file = blobPath(createLayout(all.farm.dataDir), digest as Digest)
      const bytes = readFileSync(file)
      bytes[0] = (bytes[0] ?? 0) ^ 0xff
      writeFileSync(file, bytes)
    }
    const report = await all.farm.app.verify({ dryRun: false, onProgress: () => undefined })
    assert.deepEqual(
      report.findings.map(({ state, error }) => [state, error]),
      [
        ['refetched', null],
        ['refetched', null],
      ],
    )
    assert.deepEqual((await httpGet(`${base.replace('/$basearch', '')}/${path}`)).body, body)
  })

  test('can be had after the mirror left the configuration, from where it came', async (t) => {
    const dataDir = tempDir(t)
    const all = await ArchFarm.start(t, undefined, { dataDir })
    for (const arch of ARCHES) all.publish(arch, [{ name: 'app', arch }])
    const { snapshot } = await all.farm.sync('m')
    await all.farm.close()
    const farm = await startApp(t, { dataDir, mirrors: {} })
    for (const arch of ARCHES) {
      const url = `${farm.url}/repos/yum/m/${snapshot.name}/${arch}/Packages/a/app-1.0-1.${arch}.rpm`
      assert.equal((await httpGet(url)).status, 200, arch)
    }
  })

  test('is looked at by doctor, an architecture after the other', async (t) => {
    const all = await ArchFarm.start(t)
    all.publish('x86_64', [{ name: 'app', arch: 'x86_64' }])
    const findings = await checkMirrors(all.farm.app.config, Date.now())
    assert.deepEqual(
      findings.map(({ check, level }) => [check, level]),
      [
        ['mirror m (aarch64)', 'fail'],
        ['mirror m (x86_64)', 'ok'],
      ],
    )
  })
})
