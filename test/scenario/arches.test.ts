import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { ArchFarm, baseFor } from '../support/arch-farm.ts'
import { httpGet } from '../support/http-get.ts'

const ARCHES = ['aarch64', 'x86_64'] as const
const APP = { name: 'app', content: 500 }
const DOCS = { name: 'docs', content: Buffer.from('the same for all') }

async function failure(sync: Promise<unknown>): Promise<Error> {
  return await sync.then(
    () => assert.fail('it was to fail'),
    (error: Error) => error,
  )
}

describe('a mirror of several architectures', () => {
  test('is one snapshot, whose base URL gives each machine its own, and has shared files once', async (t) => {
    const all = await start(t)
    const { farm, upstream } = all
    const base = await farm.current('m')
    assert.match(base, /\/repos\/yum\/m\/2026-[\d-]+\/\$basearch$/)
    for (const arch of ARCHES) {
      const root = baseFor(base, arch)
      const repomd = await httpGet(`${root}/repodata/repomd.xml`)
      assert.deepEqual(repomd.body, readFileSync(join(all.dirOf(arch), 'repodata/repomd.xml')))
      const app = await httpGet(`${root}/Packages/a/app-1.0-1.${arch}.rpm`)
      assert.deepEqual(app.body, readFileSync(join(all.dirOf(arch), `Packages/a/app-1.0-1.${arch}.rpm`)))
      assert.equal(
        (await httpGet(`${root}/Packages/d/docs-1.0-1.noarch.rpm`)).body.toString(),
        `${DOCS.content}`,
      )
      const other = ARCHES.find((one) => one !== arch) ?? ''
      assert.equal((await httpGet(`${root}/Packages/a/app-1.0-1.${other}.rpm`)).status, 404)
    }
    assert.equal(upstream.count(/docs-.*\.rpm$/), 1, 'one blob, one transfer')
  })

  test('that has nothing new costs a conditional request for each', async (t) => {
    const { farm, upstream } = await start(t)
    const before = upstream.count()
    assert.equal((await farm.sync('m')).outcome, 'unchanged')
    const asked = upstream.requests.slice(before)
    assert.deepEqual(
      asked.map(({ path, status }) => [path, status]),
      ARCHES.map((arch) => [`/${arch}/repodata/repomd.xml`, 304]),
    )
  })
})

async function start(t: Parameters<typeof ArchFarm.start>[0]) {
  const all = await ArchFarm.start(t)
  for (const arch of ARCHES) all.publish(arch, [{ ...APP, arch }, DOCS])
  await all.farm.sync('m')
  return all
}
