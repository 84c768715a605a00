import assert from 'node:assert/strict'
import { test } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { openMirror } from './mirror-under-test.ts'
import { createPackage, publishSimply } from './publish-simply.ts'

function rebuilt(record: PackageRecord): PackageRecord {
  return { ...record, checksum: digestOf(`${record.href} again`), size: 99 }
}

function listPackages(content: number, href: string): SyntheticPackage[] {
  const moved = { name: 'moved', href, content: Buffer.from('the same bytes') }
  return [{ name: 'app', content }, moved, { name: 'stays' }]
}

test('a sync flags packages that were replaced in place, and publishes them: a strict one too', async (t) => {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: listPackages(10, 'a/moved.rpm') })
  const mirror = openMirror(t, { baseurls: [`file://${root}/`], strict: true })
  const first = await mirror.publish()
  assert.deepEqual(await mirror.defects(first), [], 'nothing is replaced in a first snapshot')
  writeSyntheticRepository(root, { packages: listPackages(20, 'b/moved.rpm') })
  const result = await mirror.sync()
  assert.ok(result.outcome === 'published')
  assert.deepEqual([result.added, result.removed, result.replaced], [2, 2, 1])
  const [defect, ...others] = await mirror.store.defects(result.snapshot)
  assert.deepEqual(others, [])
  assert.deepEqual([defect?.kind, defect?.path], ['replaced', 'Packages/a/app-1.0-1.noarch.rpm'])
  assert.match(
    defect?.message ?? '',
    /^app-1\.0-1\.noarch was replaced in place: sha256:\w{64} \(10 bytes\) became sha256:\w{64} \(20 bytes\)$/,
  )
  writeSyntheticRepository(root, { packages: listPackages(20, 'c/moved.rpm') })
  assert.deepEqual(await mirror.defects(await mirror.publish()), [], 'it is told once, where it happened')
})

test('of many that were replaced the first are named, and how many there are', async (t) => {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: [] })
  const mirror = openMirror(t, { baseurls: [`file://${root}/`] })
  const packages = Array.from({ length: 300 }, (_, index) =>
    createPackage(`P/${String(index).padStart(3, '0')}`),
  )
  await publishSimply(mirror.store, { packages })
  const { snapshot, replaced, added, removed } = await publishSimply(mirror.store, {
    packages: packages.map((one, index) => (index < 250 ? rebuilt(one) : one)),
    files: [{ path: 'repodata/primary.xml.gz', type: 'primary', digest: digestOf('p'), size: 1 }],
  })
  assert.deepEqual([replaced, added, removed], [250, 250, 250])
  const defects = await mirror.store.defects(snapshot)
  assert.deepEqual(
    defects.slice(0, -1).map(({ path }) => path),
    packages.slice(0, 20).map(({ href }) => href),
  )
  assert.deepEqual(defects.at(-1), {
    path: 'repodata/primary.xml.gz',
    kind: 'replaced',
    message: '250 packages were replaced in place, of which 20 are named',
  })
})

test('packages of other mirrors, and of snapshots before the last, are not compared', async (t) => {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: [] })
  const { store } = openMirror(t, { baseurls: [`file://${root}/`] })
  const one = createPackage('P/one')
  await publishSimply(store, { packages: [one] })
  const other = await publishSimply(store, { mirror: 'n', packages: [rebuilt(one)] })
  assert.equal(other.replaced, 0)
  await publishSimply(store, { packages: [] })
  const back = await publishSimply(store, { packages: [rebuilt(one)] })
  assert.equal(back.replaced, 0, 'it was away meanwhile: a diff over both tells')
})
