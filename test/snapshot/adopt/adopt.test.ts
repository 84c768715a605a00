import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { DiskBlobStore } from '../../../src/cache/disk-blob-store.ts'
import { createLayout, temporaryPath } from '../../../src/cache/layout.ts'
import { digestOf } from '../../../src/model/digest.ts'
import { PinyonError } from '../../../src/model/errors.ts'
import { adoptMirror } from '../../../src/snapshot/adopt/adopt.ts'
import type { AdoptContext, AdoptProgress } from '../../../src/snapshot/adopt/adopt-group.ts'
import type { AdoptReport } from '../../../src/snapshot/adopt/adopt-report.ts'
import { Tree } from '../../../src/snapshot/adopt/adopt-tree.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { Claims } from '../../../src/system/claims.ts'
import { createFailingStore } from '../../cache/failing-store.ts'
import { OldMirrorTree } from '../../support/old-tree.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { publishSimply } from '../publish-simply.ts'

const DAYS = ['2018-11-01-00-00', '2018-11-02-00-00'] as const

interface Place {
  readonly tree: OldMirrorTree
  readonly store: SqliteSnapshotStore
  readonly blobs: DiskBlobStore
  readonly claims: Claims
  readonly blobsDir: string
  readonly adopt: (changes?: Partial<AdoptContext>) => Promise<AdoptReport>
  readonly names: () => Promise<string[]>
}

/** A tree with two snapshots, and an empty store. */
async function openPlace(t: TestContext): Promise<Place> {
  const root = tempDir(t)
  const tree = new OldMirrorTree(root, 'm')
  for (const [day, name] of DAYS.entries())
    tree.publishSynthetic(name, { packages: [{ name: 'a' }, { name: 'b', version: `${day}` }] })
  const dataDir = tempDir(t)
  const layout = createLayout(dataDir)
  mkdirSync(dataDir, { recursive: true })
  const claims = new Claims(layout.claims)
  const blobs = await DiskBlobStore.open(layout, claims)
  let serial = 0
  const scratch = () => temporaryPath(layout, claims.processId, 'adopt', (serial += 1))
  const store = new SqliteSnapshotStore(layout.database, scratch)
  t.after(async () => {
    await store.close()
    claims.close()
  })
  const opened = await Tree.open(root)
  const context: AdoptContext = {
    tree: opened,
    mirror: { name: 'm', directory: tree.dir },
    configured: true,
    packages: true,
    actor: 'me',
    store,
    blobs,
    claims,
    room: async () => ({ freeBytes: Infinity, totalBytes: Infinity }),
    now: Date.now,
    signal: new AbortController().signal,
  }
  return {
    tree,
    store,
    blobs,
    claims,
    blobsDir: layout.blobs,
    adopt: (changes) => adoptMirror({ ...context, ...changes }),
    names: async () => (await store.snapshots('m')).map(({ name }) => name).toReversed(),
  }
}

describe('adopting a mirror', () => {
  test('tells how far it is, and waits for a sync of it to end', async (t) => {
    const { adopt, claims, names } = await openPlace(t)
    const sync = claims.tryClaim('sync m')
    const seen: AdoptProgress[] = []
    const report = await adopt({
      onProgress: (progress) => {
        seen.push(progress)
        if (progress.step === 'waiting') sync?.release()
      },
    })
    assert.equal(report.error, undefined)
    assert.deepEqual(
      seen.map(({ step, done, total }) => [step, done, total]),
      [
        ['snapshots', 0, 2],
        ['snapshots', 1, 2],
        ['packages', 1, 3],
        ['packages', 2, 3],
        ['packages', 3, 3],
        ['waiting', 0, 1],
        ['packages', 1, 3],
        ['packages', 2, 3],
        ['packages', 3, 3],
      ],
    )
    assert.deepEqual([seen[4]?.bytes, seen.at(-1)?.bytes], [3_000, 0])
    assert.deepEqual(await names(), DAYS)
    assert.ok(claims.tryClaim('sync m') !== undefined, 'and gives its claim up')
  })

  test('is done by one process at a time', async (t) => {
    const { adopt, claims, names } = await openPlace(t)
    const other = claims.tryClaim('adopt m')
    assert.equal((await adopt()).error?.code, 'SYNC_RUNNING')
    assert.deepEqual(await names(), [])
    other?.release()
    assert.equal((await adopt()).error, undefined)
  })

  test('goes before what was synced while it copied', async (t) => {
    const { adopt, store, names } = await openPlace(t)
    let synced: Promise<unknown> | undefined
    const report = await adopt({
      onProgress: ({ step }) => {
        if (step === 'packages') synced ??= publishSimply(store, { nowMs: Date.UTC(2026, 0, 1) })
      },
    })
    await synced
    assert.equal(report.error, undefined)
    assert.deepEqual(await names(), [...DAYS, '2026-01-01-00-00'])
  })

  test('stops before the disk is full, and shows nothing', async (t) => {
    const { adopt, names } = await openPlace(t)
    const report = await adopt({ room: async () => ({ freeBytes: 2 ** 30 + 999, totalBytes: 2 ** 40 }) })
    assert.equal(report.error?.code, 'NO_SPACE')
    assert.match(report.error.message, /would leave too little in data_dir: 1073741823 bytes/)
    assert.deepEqual(await names(), [])
    const small = await adopt({ room: async () => ({ freeBytes: 6_000, totalBytes: 100_000 }) })
    assert.equal(small.error, undefined)
  })

  test('without packages leaves them to upstream, and brings them later', async (t) => {
    const { adopt, names } = await openPlace(t)
    const first = await adopt({ packages: false })
    assert.deepEqual([first.adopted.length, first.packages.listed, await names()], [2, 0, [...DAYS]])
    assert.deepEqual((await adopt()).packages.copied, 3)
  })

  test('shows nothing when a blob cannot be stored, and all the next time', async (t) => {
    const { adopt, names, blobs } = await openPlace(t)
    for (const method of ['create', 'write', 'publish', 'close'] as const) {
      const report = await adopt({ blobs: createFailingStore(method).wrap(blobs) })
      assert.equal(report.error?.code, 'STORE_FAILED', method)
      assert.deepEqual([report.adopted, report.refused, await names()], [[], [], []])
    }
    assert.equal((await adopt()).error, undefined)
    assert.deepEqual(await names(), DAYS)
  })

  test('shows nothing when repodata were evicted again before it was done', async (t) => {
    const { adopt, names, claims, blobsDir } = await openPlace(t)
    const sync = claims.tryClaim('sync m')
    const report = await adopt({
      onProgress: ({ step }) => {
        if (step !== 'waiting') return
        rmSync(join(blobsDir, 'sha256'), { recursive: true, force: true })
        sync?.release()
      },
    })
    assert.equal(report.error?.code, 'STORE_FAILED')
    assert.match(report.error.message, /run this once more: repodata/)
    assert.deepEqual(await names(), [])
  })

  test('brings packages once more that were evicted before it was done', async (t) => {
    const { adopt, tree, claims, blobs } = await openPlace(t)
    const digest = digestOf(readFileSync(join(tree.base, 'Packages/a/a-1.0-1.noarch.rpm')))
    const sync = claims.tryClaim('sync m')
    let evicted: Promise<boolean> | undefined
    const report = await adopt({
      onProgress: ({ step }) => {
        if (step === 'waiting') evicted ??= blobs.remove(digest).finally(() => sync?.release())
      },
    })
    assert.deepEqual([await evicted, report.error, report.packages.copied], [true, undefined, 3])
    const blob = await blobs.open(digest)
    assert.equal(blob?.size, 1000)
    blob.close()
  })

  test('ends when it is told to', async (t) => {
    const { adopt, names } = await openPlace(t)
    for (const step of ['snapshots', 'packages'] as const) {
      const stop = new AbortController()
      const report = await adopt({
        signal: stop.signal,
        onProgress: (progress) => {
          if (progress.step === step) stop.abort(new PinyonError('SHUTTING_DOWN', 'enough'))
        },
      })
      assert.equal(report.error?.code, 'SHUTTING_DOWN')
      assert.deepEqual(await names(), [])
    }
  })
})
