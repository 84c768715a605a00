import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { digestOf } from '../../src/model/digest.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import type { CandidateFile, Defect, SnapshotStore } from '../../src/snapshot/store.ts'
import {
  NOON,
  checkWholeGeneration,
  createPackage,
  inBatches,
  publishSimply,
} from '../snapshot/publish-simply.ts'
import { describeAdoption } from './adoption.ts'
import { describeArches } from './arches.ts'
import { describePinsAndPast, listed } from './pins-and-past.ts'
import { describeDifferences } from './snapshot-differences.ts'
import { describeKeys } from './keys.ts'
import { describeListings } from './listings.ts'
import { describeHistory } from './snapshot-history.ts'
import { describeRetirement } from './retirement.ts'
import { describeUsage } from './usage.ts'

/** A place where snapshots are kept. Each store that it opens sees what the others of the same place did. */
export interface SnapshotPlace {
  open(): SnapshotStore
}

const MINUTE_MS = 60_000
const SIX_HREFS = ['a', 'b', 'P/a', 'P/b', 'P/c/d', 'P/c/e']

/** The contract that any {@link SnapshotStore} must meet. `open` gives a new, empty place that lasts as long as the test. */
export function describeSnapshotStore(open: (t: TestContext) => SnapshotPlace): void {
  const openStore = (t: TestContext) => open(t).open()
  describe('the contract of snapshot stores', () => {
    describeEmptiness(openStore)
    describePublishing(openStore)
    describeHistory(openStore)
    describeDifferences(openStore)
    describeIndex(openStore)
    describePinsAndPast(openStore)
    describeAdoption(open)
    describeRetirement(openStore)
    describeSharing(open)
    describeUsage(open)
    describeKeys(openStore)
    describeListings(openStore)
    describeArches(openStore)
  })
}

type OpenStore = (t: TestContext) => SnapshotStore

function describeEmptiness(open: OpenStore): void {
  test('what is not there is undefined', async (t) => {
    const store = open(t)
    assert.deepEqual(await store.index(), { generation: 0, createdAt: 0, current: new Map() })
    assert.equal(await store.snapshot('m', '2016-12-13-13-30'), undefined)
    assert.deepEqual([await store.snapshots('m'), await store.mirrors()], [[], []])
    assert.equal(await store.seenRepomd('m'), undefined)
    const { snapshot } = await publishSimply(store, { packages: [createPackage('a/b')] })
    assert.equal(await store.file(snapshot, 'a'), undefined)
    assert.equal(await store.file(snapshot, 'a/b/'), undefined)
    assert.equal(await store.rollingFile(snapshot, 'a'), undefined)
    assert.equal(await store.directory(snapshot, 'a/b'), undefined)
    assert.equal(await store.snapshot('m', '2016-12-13-13-31'), undefined)
    assert.equal(await store.snapshot('other', snapshot.name), undefined)
  })

  test('an empty repository is a snapshot, with an empty top directory', async (t) => {
    const store = open(t)
    const { snapshot, added, removed } = await publishSimply(store)
    assert.deepEqual([snapshot.packageCount, snapshot.packageBytes, added, removed], [0, 0, 0, 0])
    assert.deepEqual(await store.directory(snapshot, ''), [])
  })
}

function describePublishing(open: OpenStore): void {
  test('a snapshot is what was published', async (t) => {
    const store = open(t)
    const { size: _, ...unsized } = createPackage('unsized')
    const files: CandidateFile[] = [
      { path: 'repodata/lost.gz', type: 'other', digest: undefined, size: 7 },
      { path: 'repodata/repomd.xml', type: 'repomd', digest: digestOf('x'), size: 1 },
    ]
    const defects: Defect[] = [{ path: 'repodata/lost.gz', kind: 'missing', message: 'it is' }]
    const packages = [createPackage('P/a', '22'), unsized]
    const candidate = { revision: '7', fingerprint: digestOf('f') }
    const { snapshot, added, removed } = await publishSimply(store, { packages, files, defects, candidate })
    const { name, packageCount, packageBytes, createdAt, revision, fingerprint, seq } = snapshot
    assert.deepEqual(
      { name, packageCount, packageBytes, createdAt, revision, fingerprint, seq, added, removed },
      {
        name: '2016-12-13-13-30',
        packageCount: 2,
        packageBytes: 2,
        createdAt: NOON,
        revision: '7',
        fingerprint: digestOf('f'),
        seq: 1,
        added: 2,
        removed: 0,
      },
    )
    assert.deepEqual(await store.snapshot('m', name), snapshot)
    assert.deepEqual(await store.files(snapshot), files)
    assert.deepEqual(await store.defects(snapshot), defects)
    const found = await Promise.all(
      ['repodata/lost.gz', 'repodata/repomd.xml', 'P/a', 'unsized'].map((path) => store.file(snapshot, path)),
    )
    assert.deepEqual(
      found.map((file) => [file?.kind, file?.digest, file?.size]),
      [
        ['repodata', undefined, 7],
        ['repodata', digestOf('x'), 1],
        ['package', packages[0]?.checksum, 2],
        ['package', packages[1]?.checksum, undefined],
      ],
    )
    assert.deepEqual(await store.seenRepomd('m'), {
      baseurl: 'http://u/',
      etag: '"e"',
      lastModified: undefined,
      digest: digestOf('repomd'),
    })
  })

  test('names are unique and ordered within a minute and when the clock steps back', async (t) => {
    const store = open(t)
    const times = [NOON, NOON + 59_999, NOON, NOON - 3_600_000, NOON + 10 * MINUTE_MS, NOON]
    const names: string[] = []
    for (const nowMs of times) names.push((await publishSimply(store, { nowMs })).snapshot.name)
    assert.deepEqual(
      names.map((name) => name.slice(-5)),
      ['13-30', '13-31', '13-32', '13-33', '13-40', '13-41'],
    )
    assert.deepEqual(
      (await store.snapshots('m')).map(({ name }) => name),
      names.toReversed(),
    )
    // Another mirror's names are its own.
    assert.equal((await publishSimply(store, { mirror: 'n' })).snapshot.name, '2016-12-13-13-30')
  })

  test('of an href listed twice the first entry stands, and other content is told', async (t) => {
    const store = open(t)
    const [first, second] = [createPackage('a', '1'), createPackage('a', '2')]
    const packages = [first, createPackage('b'), first, createPackage('c'), second]
    const { snapshot, added } = await publishSimply(store, { packages })
    assert.deepEqual([snapshot.packageCount, added], [3, 3])
    assert.equal((await store.file(snapshot, 'a'))?.digest, first.checksum)
    const [defect, ...more] = await store.defects(snapshot)
    assert.deepEqual([defect?.kind, defect?.path, more], ['duplicate', 'a', []])
  })

  test('a publication that fails changes nothing, and the next one is as if it had not been', async (t) => {
    const store = open(t)
    await store.reconcile(listed('m'), NOON)
    const { snapshot } = await publishSimply(store, { packages: [createPackage('a')] })
    const before = [await store.index(), await store.mirrors(), await store.seenRepomd('m')]
    const base = { mirror: 'm', nowMs: NOON }
    await assert.rejects(
      store.publish({ ...base, packages: breakOff(), complete: refuse }),
      /primary ends here/,
    )
    await assert.rejects(
      store.publish({ ...base, packages: inBatches([createPackage('b')], 1), complete: refuse }),
      /refused/,
    )
    assert.deepEqual([await store.index(), await store.mirrors(), await store.seenRepomd('m')], before)
    assert.deepEqual(await store.snapshots('m'), [snapshot])
    const next = await publishSimply(store, { packages: [createPackage('c')] })
    assert.deepEqual([next.added, next.removed, next.snapshot.packageCount, next.snapshot.seq], [1, 1, 1, 2])
  })

  test('publications at the same time do not mix', async (t) => {
    const store = open(t)
    const mirrors = ['k', 'l', 'm', 'n']
    const publications = mirrors.map((mirror) =>
      publishSimply(store, {
        mirror,
        packages: SIX_HREFS.map((href) => createPackage(href, mirror)),
      }),
    )
    for (const { snapshot } of await Promise.all(publications)) {
      assert.equal(snapshot.packageCount, 6)
      for (const href of SIX_HREFS)
        assert.equal(
          (await store.file(snapshot, href))?.digest,
          createPackage(href, snapshot.mirror).checksum,
        )
    }
  })
}

async function* breakOff(): AsyncGenerator<PackageRecord[]> {
  yield [createPackage('b')]
  throw new Error('primary ends here')
}

async function refuse(): Promise<never> {
  throw new Error('refused')
}

function describeIndex(open: OpenStore): void {
  test('a mirror is in the index while it is listed, and each change is one generation', async (t) => {
    const store = open(t)
    const seen: [number, string[]][] = []
    const note = async () => {
      const { generation, current } = await store.index()
      seen.push([generation, [...current.values()].map(({ mirror, name }) => `${mirror} ${name.slice(-2)}`)])
    }
    const steps: (() => Promise<unknown>)[] = [
      () => publishSimply(store, { mirror: 'm' }),
      () => store.reconcile(listed('m', 'n'), NOON),
      () => store.reconcile(listed('n', 'm'), NOON),
      () => publishSimply(store, { mirror: 'n' }),
      () => publishSimply(store, { mirror: 'm' }),
      () => publishSimply(store, { mirror: 'unlisted' }),
      () => store.reconcile(listed('n'), NOON),
      () => publishSimply(store, { mirror: 'm' }),
      () => store.reconcile(listed('m', 'unlisted'), NOON),
      () => store.reconcile(listed(), NOON),
    ]
    for (const step of steps) {
      await step()
      await note()
    }
    assert.deepEqual(seen, [
      [0, []],
      [1, ['m 30']],
      [1, ['m 30']],
      [2, ['m 30', 'n 30']],
      [3, ['m 31', 'n 30']],
      [3, ['m 31', 'n 30']],
      [4, ['n 30']],
      [4, ['n 30']],
      [5, ['m 32', 'unlisted 30']],
      [6, []],
    ])
    assert.deepEqual(
      (await store.mirrors()).map(({ name, listed, snapshotCount }) => [name, listed, snapshotCount]),
      [
        ['m', false, 3],
        ['n', false, 1],
        ['unlisted', false, 1],
      ],
    )
  })

  test('publishing tells the generation it began, and the index is one object until then', async (t) => {
    const store = open(t)
    await store.reconcile(listed('m'), NOON)
    assert.equal((await publishSimply(store, { mirror: 'n' })).generation, undefined)
    const published = await publishSimply(store, { nowMs: NOON + 5 })
    const index = await store.index()
    assert.deepEqual([published.generation, index.generation, index.createdAt], [1, 1, NOON + 5])
    assert.deepEqual(index.current.get('m'), published.snapshot)
    await store.recordSync({ mirror: 'm', checkedAt: NOON, error: 'x' })
    assert.equal(await store.index(), index)
    await publishSimply(store)
    assert.notEqual(await store.index(), index)
  })

  test('the index is in the order of `<mirror>/`', async (t) => {
    const store = open(t)
    const names = ['b', 'a-b', 'a', 'a.b', 'a0', 'B']
    await store.reconcile(listed(...names), NOON)
    for (const mirror of names) await publishSimply(store, { mirror })
    assert.deepEqual([...(await store.index()).current.keys()], ['B', 'a-b', 'a.b', 'a', 'a0', 'b'])
  })

  test('syncs are recorded: success, failure, what was seen', async (t) => {
    const store = open(t)
    const state = async () => {
      const [one] = await store.mirrors()
      return [one?.checkedAt, one?.succeededAt, one?.error]
    }
    await store.recordSync({ mirror: 'm', checkedAt: 1, error: 'down' })
    assert.deepEqual(await state(), [1, undefined, 'down'])
    const seen = { baseurl: 'http://v/', etag: undefined, lastModified: 'then', digest: digestOf('2') }
    await store.recordSync({ mirror: 'm', checkedAt: 2, error: undefined, seen })
    assert.deepEqual(await state(), [2, 2, undefined])
    await store.recordSync({ mirror: 'm', checkedAt: 3, error: 'down again' })
    assert.deepEqual(await state(), [3, 2, 'down again'])
    assert.deepEqual(await store.seenRepomd('m'), seen)
    await publishSimply(store, { nowMs: NOON })
    assert.deepEqual(await state(), [NOON, NOON, undefined])
    assert.equal((await store.seenRepomd('m'))?.etag, '"e"')
  })
}

function describeSharing(open: (t: TestContext) => SnapshotPlace): void {
  test('what one store published another one sees, and whoever opens the place later', async (t) => {
    const place = open(t)
    const [writer, reader] = [place.open(), place.open()]
    await writer.reconcile(listed('m'), NOON)
    assert.equal((await reader.index()).generation, 0)
    const { snapshot } = await publishSimply(writer, { packages: [createPackage('a')] })
    assert.deepEqual((await reader.index()).current.get('m'), snapshot)
    await writer.close()
    const later = place.open()
    assert.deepEqual(await later.snapshots('m'), [snapshot])
    assert.equal((await later.file(snapshot, 'a'))?.digest, createPackage('a').checksum)
  })

  test('a reader sees whole generations while another store publishes', async (t) => {
    const place = open(t)
    const [writer, reader] = [place.open(), place.open()]
    const mirrors = ['k', 'l', 'm']
    await writer.reconcile(listed(...mirrors), NOON)
    const progress = { publishing: true }
    const published = (async () => {
      for (let round = 0; round < 20; round += 1)
        for (const mirror of mirrors)
          await publishSimply(writer, { mirror, packages: [createPackage(`${round}`)] })
      progress.publishing = false
    })()
    let looks = 0
    for (; progress.publishing; looks += 1) {
      await checkWholeGeneration(reader)
      await new Promise(setImmediate)
    }
    await published
    assert.ok(looks > 20, `looked only ${looks} times`)
    assert.equal((await reader.index()).generation, 60)
  })
}
