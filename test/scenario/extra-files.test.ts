import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import type { MirrorConfig } from '../../src/config/config.ts'
import { digestOf } from '../../src/model/digest.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

// What a repository has beside its packages and what repomd.xml names.

const DRPM = Buffer.from('a delta')
const KERNEL = Buffer.from('a kernel')
const TREEINFO = `[general]\nfamily = X\n[checksums]\nimages/vmlinuz = ${digestOf(KERNEL)}\nimages/gone.img = ${digestOf('gone')}\n`

async function startTree(t: TestContext, settings: Partial<MirrorConfig>) {
  const dir = tempDir(t)
  const write = (path: string, bytes: string | Buffer) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), bytes)
  }
  write('drpms/a.drpm', DRPM)
  write('images/vmlinuz', KERNEL)
  write('.treeinfo', TREEINFO)
  write('media.1/media', 'SUSE\n')
  write('private', 'not asked for\n')
  const checksum = `<checksum type="sha256">${digestOf(DRPM).slice(7)}</checksum><size>${DRPM.length}</size>`
  const content = `<prestodelta><newpackage name="a"><delta><filename>drpms/a.drpm</filename>${checksum}</delta></newpackage></prestodelta>`
  const publish = (revision: number) =>
    writeSyntheticRepository(dir, {
      packages: [{ name: 'a', version: `${revision}` }],
      records: [{ type: 'prestodelta', content }],
      revision: 1_577_836_800 + revision,
    })
  publish(1)
  const upstream = await startUpstream(t, dir)
  const farm = await startApp(t, { mirrors: { m: { baseurls: [upstream.url], ...settings } } })
  await farm.sync('m')
  const base = await farm.current('m')
  return { dir, write, publish, upstream, farm, base, get: (path: string) => httpGet(`${base}/${path}`) }
}

describe('files beside the packages', () => {
  test('delta rpms are part of the snapshot that lists them, and are fetched once', async (t) => {
    const { get, upstream, dir } = await startTree(t, {})
    assert.equal(upstream.count(/drpm/), 0)
    for (let time = 0; time < 2; time += 1) {
      const { status, body, headers } = await get('drpms/a.drpm')
      assert.deepEqual([status, body], [200, DRPM])
      assert.equal(headers['etag'], `"${digestOf(DRPM).slice(7)}"`)
    }
    assert.equal(upstream.count(/drpm/), 1)
    rmSync(join(dir, 'drpms'), { recursive: true })
    assert.equal((await get('drpms/a.drpm')).status, 200)
    assert.match((await get('drpms/')).body.toString(), />a\.drpm</)
  })

  test('what is not configured is not there, and nobody asks for it', async (t) => {
    const { get, upstream } = await startTree(t, {})
    for (const path of ['.treeinfo', 'media.1/media', 'images/vmlinuz', 'private', 'LICENSE'])
      assert.equal((await get(path)).status, 404, path)
    assert.equal(upstream.count(/treeinfo|media|images|private|LICENSE/), 0)
  })

  test('configured ones are pinned as they were, with what a .treeinfo lists, and absent ones are 404', async (t) => {
    const extraFiles = ['.treeinfo', 'media.1/media', 'LICENSE']
    const { get, write, publish, farm, upstream } = await startTree(t, { extraFiles })
    assert.equal(upstream.count(/images/), 0)
    assert.equal((await get('images/vmlinuz')).body.toString(), KERNEL.toString())
    write('.treeinfo', '[general]\nfamily = Y\n')
    write('images/vmlinuz', 'another kernel')
    publish(2)
    await farm.sync('m')
    assert.equal((await get('.treeinfo')).body.toString(), TREEINFO)
    assert.equal((await get('media.1/media')).body.toString(), 'SUSE\n')
    assert.equal((await get('images/vmlinuz')).body.toString(), KERNEL.toString())
    assert.equal((await get('images/gone.img')).status, 502)
    for (const path of ['LICENSE', 'private']) assert.equal((await get(path)).status, 404)
    const current = await farm.current('m')
    assert.equal((await httpGet(`${current}/.treeinfo`)).body.toString(), '[general]\nfamily = Y\n')
    assert.equal((await httpGet(`${current}/images/vmlinuz`)).status, 404)
  })

  test('are never other bytes than those of their checksum', async (t) => {
    const { get, write } = await startTree(t, { extraFiles: ['.treeinfo'] })
    write('images/vmlinuz', 'a kernal')
    const { status, headers } = await get('images/vmlinuz')
    assert.equal(status, 502)
    assert.match(String(headers['x-pinyon-reason']), /sha256/)
  })
})
