import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import type { PackageRecord } from '../../src/model/repodata.ts'
import { decompress } from '../../src/repodata/decompress.ts'
import { readPrimary } from '../../src/repodata/primary.ts'
import { diffSnapshots } from '../../src/snapshot/diff/snapshot-diff.ts'
import type { Snapshot } from '../../src/snapshot/store.ts'
import { stream } from '../repodata/pieces.ts'
import { findRealFiles, NEEDS_REAL_FILES, realFile } from '../repodata/real-files.ts'
import { tempDir } from '../support/temp-dir.ts'
import { openMirror, type MirrorUnderTest } from './mirror-under-test.ts'
import { diffNaively, toLines } from './naive-diff.ts'

async function listPackages(mirror: MirrorUnderTest, snapshot: Snapshot): Promise<PackageRecord[]> {
  const primary = (await mirror.store.files(snapshot)).find(({ type }) => type === 'primary')
  assert.ok(primary?.digest !== undefined)
  const batches = readPrimary(decompress(stream([await mirror.read(primary.digest)])))
  return (await Array.fromAsync(batches)).flatMap(({ packages }) => packages)
}

test(
  'between a real repository of half a year, each two differ as their lists do',
  NEEDS_REAL_FILES,
  async (t) => {
    const upstream = join(tempDir(t), 'upstream')
    const mirror = openMirror(t, { baseurls: [`file://${upstream}/`] })
    const history: { snapshot: Snapshot; packages: PackageRecord[] }[] = []
    const flagged: number[] = []
    for (const repomd of findRealFiles('rpmsphere-noarch/*/repodata/repomd.xml')) {
      cpSync(realFile(repomd.replace('/repodata/repomd.xml', '')), upstream, { recursive: true, force: true })
      const result = await mirror.sync()
      assert.ok(result.outcome === 'published', JSON.stringify(result))
      history.push({ snapshot: result.snapshot, packages: await listPackages(mirror, result.snapshot) })
      flagged.push(result.replaced)
    }
    assert.deepEqual(flagged, [0, 0, 0, 0, 10, 8], 'twice its builder rebuilt packages and raised no release')
    for (const from of history)
      for (const to of history) {
        const pair = { mirror: 'm', from: from.snapshot.name, to: to.snapshot.name }
        const found = await diffSnapshots(mirror, pair)
        assert.deepEqual(toLines(found), diffNaively(from.packages, to.packages))
      }
  },
)
