import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { DiskInventory } from '../../../src/cache/disk-inventory.ts'
import { blobPath } from '../../../src/cache/layout.ts'
import { digestOf } from '../../../src/model/digest.ts'
import type { GcReport } from '../../../src/snapshot/gc/gc-report.ts'
import { createPackage } from '../publish-simply.ts'
import { GcPlace, ONE_DAY, PROCESS_ID } from './gc-place.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const M = [{ name: 'm' }]

/** How many snapshots a report says are going. */
function going({ snapshots }: GcReport): number {
  return snapshots.filter(({ goes }) => goes).length
}

describe('a collection', () => {
  test('retires what is too old, with what only it listed; its name stays taken and its generation readable', async (t) => {
    const place = new GcPlace(t)
    await place.store.reconcile(M, place.nowMs)
    const first = await place.publish('m', { a: '1', both: '1' })
    const blobs = [await place.cache('a', '1'), await place.cache('both', '1')] as const
    place.later(2 * DAY_MS)
    const second = await place.publish('m', { a: '2', both: '1' })
    const report = await place.collect()
    assert.deepEqual(
      report.snapshots.map(({ name, goes, reasons }) => [name, goes, reasons]),
      [
        [second.name, false, ['current', 'the newest']],
        [first.name, true, ['older than 1 d']],
      ],
    )
    assert.equal(report.packageRows, 1)
    assert.equal(await place.store.snapshot('m', first.name), undefined)
    assert.equal(await place.store.retiredAt('m', first.name), place.nowMs)
    assert.equal(await place.store.retiredAt('m', second.name), undefined)
    assert.deepEqual(
      (await place.store.snapshots('m')).map(({ name }) => name),
      [second.name],
    )
    assert.deepEqual(await place.store.files(first), [])
    assert.equal((await place.store.mirrors())[0]?.snapshotCount, 1)
    const then = await place.store.history.indexAt(1)
    assert.equal(then?.current.get('m')?.name, first.name, 'the generation is what it was')
    assert.deepEqual([await place.has(blobs[0]), await place.has(blobs[1])], [false, true])
    assert.deepEqual(
      [report.blobs.unlisted.count, report.blobs.fetchable.count, report.blobs.repodata.count],
      [2, 1, 1],
    )
    assert.equal(place.files().length, report.blobs.total.count, 'and nothing else is on the disk')
    assert.deepEqual((await place.collect()).snapshots.length, 1, 'it is not judged again')
    // The clock goes back into the retired one's minute: its name is not given again.
    place.nowMs = first.createdAt
    assert.notEqual((await place.publish('m', { a: '3' })).name, first.name)
  })

  test('a plan says the same and changes nothing', async (t) => {
    const place = new GcPlace(t)
    await place.store.reconcile(M, place.nowMs)
    await place.publish('m', { a: '1' })
    await place.cache('a', '1')
    place.later(2 * DAY_MS)
    await place.publish('m', { a: '2' })
    await place.cache('a', '2')
    const files = place.files()
    const plan = await place.collect({ kind: 'plan', maxBytes: 1 })
    assert.deepEqual(place.files(), files)
    assert.equal((await place.store.snapshots('m')).length, 2)
    const done = await place.collect({ maxBytes: 1 })
    assert.deepEqual(done.snapshots, plan.snapshots)
    assert.deepEqual(done.blobs, plan.blobs)
    assert.deepEqual([plan.dryRun, done.dryRun, plan.fits, done.fits], [true, false, false, false])
    assert.deepEqual([done.blobs.unlisted.count, done.blobs.evicted.count], [2, 1])
  })

  test('tells what is decided before it is done, where somebody waits, and ends as it said', async (t) => {
    const place = new GcPlace(t)
    await place.store.reconcile(M, place.nowMs)
    await place.publish('m', { a: '1', b: '1' })
    await place.cache('a', '1')
    place.later(2 * DAY_MS)
    await place.publish('m', { a: '2', b: '1' })
    await place.cache('a', '2')
    await place.cache('b', '1')
    const files = place.files().length
    const plan = await place.collect({ kind: 'plan', maxBytes: 1 })
    const done = await place.collect({ maxBytes: 1, answerAfterMs: 0 })
    assert.equal(place.decided.length, 1)
    const [decided] = place.decided
    assert.deepEqual(decided?.snapshots, done.snapshots)
    // One package and the repodata of the retired one are unlisted, both others can be fetched again.
    assert.equal(decided?.blobs.deleting.count, 4)
    assert.deepEqual({ ...decided?.blobs, deleting: done.blobs.deleting }, done.blobs)
    assert.deepEqual(plan.blobs, done.blobs)
    assert.equal(done.blobs.deleting.count, 0)
    assert.equal(place.files().length, files - 4)
  })

  test('retires nothing by a clock that jumped ahead, until it is set right or a day has passed', async (t) => {
    const place = new GcPlace(t)
    await place.store.reconcile(M, place.nowMs)
    await place.publish('m', { a: '1' })
    const unlisted = await place.cache('x', '1')
    place.later(HOUR_MS)
    await place.publish('m', { a: '2' })
    await place.collect()
    place.jump(365 * DAY_MS)
    place.later(HOUR_MS)
    const doubted = [await place.collect({ kind: 'plan' }), await place.collect()]
    for (const report of doubted) {
      assert.equal(going(report), 0)
      assert.deepEqual(report.snapshots[1]?.reasons, ['older than 1 d, by a clock in doubt'])
      assert.deepEqual(report.wallDoubt, { aheadMs: 365 * DAY_MS, believedInMs: DAY_MS })
    }
    assert.equal(await place.has(unlisted), false, 'what is stored is still looked after')
    // Set right: the next look is as if nothing had been.
    place.jump(-365 * DAY_MS)
    place.later(HOUR_MS)
    const right = await place.collect()
    assert.deepEqual([going(right), right.wallDoubt], [0, undefined])
    // Or it was right all the time: the machine had been off.
    place.jump(365 * DAY_MS)
    assert.equal(going(await place.collect()), 0)
    place.later(DAY_MS - 1)
    assert.equal(going(await place.collect()), 0)
    place.later(1)
    assert.equal(going(await place.collect({ kind: 'plan' })), 1)
    assert.equal(going(await place.collect()), 1)
  })

  test('a blob that a sync may be about to list stays for an hour after it was needed', async (t) => {
    const place = new GcPlace(t)
    const digest = await place.put('captured')
    place.later(HOUR_MS)
    assert.equal((await place.collect()).blobs.recent.count, 1)
    place.later(1)
    // Needed once more, by a sync that found it there.
    assert.equal(await place.blobs.keep(digest), 8)
    assert.equal((await place.collect()).blobs.unlisted.count, 0)
    place.later(HOUR_MS + 1)
    assert.equal((await place.collect()).blobs.unlisted.count, 1)
    assert.equal(await place.has(digest), false)
    assert.equal(await place.blobs.keep(digest), undefined)
  })

  test('a publication whose repodata were collected meanwhile is refused', async (t) => {
    const place = new GcPlace(t)
    const digest = digestOf('never stored')
    const publication = place.store.publish({
      mirror: 'm',
      nowMs: place.nowMs,
      checkBlobs: true,
      packages: (async function* () {
        yield [createPackage('a')]
      })(),
      complete: async () => ({
        mirror: 'm',
        fingerprint: digest,
        revision: undefined,
        files: [{ path: 'repodata/primary.xml.gz', type: 'primary', digest, size: 1 }],
        defects: [],
        seen: { baseurl: 'http://u/', etag: undefined, lastModified: undefined, digest },
      }),
    })
    await assert.rejects(publication, { code: 'REPODATA_MOVING', message: /repodata\/primary.xml.gz/ })
    assert.deepEqual(await place.store.snapshots('m'), [])
  })

  test('of a mirror without live snapshots the rows go too, and it can begin anew', async (t) => {
    const place = new GcPlace(t)
    await place.reconcile(M)
    await place.publish('m', { a: '1' })
    const database = place.store
    place.later(1)
    await place.reconcile([])
    place.later(2 * DAY_MS)
    const report = await place.collect()
    assert.deepEqual([report.snapshots.length, report.packageRows], [1, 1])
    assert.deepEqual(await database.snapshots('m'), [])
    assert.deepEqual(await database.mirrors(), [], 'nothing is left to tell of it')
    await database.reconcile(M, place.nowMs)
    const again = await place.publish('m', { a: '1' })
    assert.equal((await database.file(again, 'a'))?.kind, 'package')
    assert.deepEqual([again.seq, again.packageCount], [2, 1])
  })

  test('what a killed collection took away, and did not free, is freed by the next one', async (t) => {
    const place = new GcPlace(t)
    new DiskInventory(place.layout, PROCESS_ID).takeAway(await place.put('left over'), 2 ** 30)
    const trash = () => place.files().filter((file) => file.startsWith(place.layout.temporary))
    // Another process's are its own.
    writeFileSync(join(place.layout.temporary, '0123456789abcdef-trash1'), '')
    assert.equal(trash().length, 2)
    await place.collect()
    assert.equal(trash().length, 1)
  })

  test('what was current when its mirror was disabled or removed stays while its URLs are to answer', async (t) => {
    for (const mirrors of [[{ name: 'm', enabled: false }], []]) {
      const place = new GcPlace(t)
      await place.store.reconcile(M, place.nowMs)
      const pinned = await place.publish('m', { a: '1' })
      place.later(2 * DAY_MS)
      await place.publish('m', { a: '2' })
      await place.store.reconcile([{ name: 'm', pin: pinned.name }], place.nowMs)
      await place.store.reconcile(mirrors, place.nowMs)
      await place.collect()
      assert.notEqual(await place.store.snapshot('m', pinned.name), undefined)
      // Back again, pin and all.
      await place.store.reconcile([{ name: 'm', pin: pinned.name }], place.nowMs)
      await place.store.reconcile([], place.nowMs)
      place.later(ONE_DAY.removedMs + 1)
      await place.collect()
      assert.deepEqual(await place.store.snapshots('m'), [])
    }
  })

  test('entries and files that do not agree are mended', async (t) => {
    const place = new GcPlace(t)
    await place.store.reconcile(M, place.nowMs)
    await place.publish('m', { a: '1', b: '1' })
    const [a, b] = [await place.cache('a', '1'), await place.cache('b', '1')]
    const total = place.store.ledger.total()
    rmSync(blobPath(place.layout, a))
    const text = 'c 1'
    const c = digestOf(text)
    await place.put(text)
    await place.store.ledger.drop(c, () => true)
    writeFileSync(`${blobPath(place.layout, b).slice(0, -3)}.no-blob`, 'left alone')
    const report = await place.collect()
    assert.equal(report.blobs.total.count, total.count)
    assert.equal(place.store.ledger.total().bytes, total.bytes, 'one of three bytes went, one of three came')
    assert.deepEqual([report.blobs.fetchable.count, report.blobs.recent.count], [1, 1])
  })
})

describe('eviction', () => {
  const setUp = async (place: GcPlace) => {
    await place.store.reconcile([{ name: 'm' }, { name: 'n' }], place.nowMs)
    await place.publish('m', { gone: '1', old: '1', mid: '1', young: '1' })
    const put = async (href: string) => {
      place.later(1_000)
      return await place.cache(href, '1')
    }
    const blobs = {
      gone: await put('gone'),
      old: await put('old'),
      mid: await put('mid'),
      young: await put('young'),
    }
    await place.publish('m', { old: '1', mid: '1', young: '1' })
    const { repodata } = (await place.collect({ kind: 'plan', rules: KEEP_ALL })).blobs
    return { ...blobs, repodataBytes: repodata.bytes }
  }
  const KEEP_ALL = { ...ONE_DAY, maxAgeMs: 1e12 }

  test('takes the least recently used that can be fetched again, and never what only lives here', async (t) => {
    const place = new GcPlace(t)
    const { gone, old, mid, young, repodataBytes } = await setUp(place)
    await place.store.ledger.touch([old], place.nowMs + 1)
    // `gone 1` has 6 bytes and `young 1` 7: of the two others one has to go.
    const maxBytes = repodataBytes + 6 + 5 + 7 + 4
    const report = await place.collect({ rules: KEEP_ALL, maxBytes: maxBytes, neededBytes: 0 })
    const there = await Promise.all([gone, old, mid, young].map((digest) => place.has(digest)))
    // Of the 16 bytes beside the repodata and what is only here, half stays in use.
    assert.deepEqual(there, [true, true, false, false])
    assert.equal(report.blobs.evicted.count, 2)
    assert.equal(report.blobs.onlyHere.count, 1)
    assert.equal(report.fits, true)
    const vain = await place.collect({ kind: 'evict', rules: KEEP_ALL, maxBytes, neededBytes: 100 })
    assert.deepEqual([vain.fits, vain.blobs.evicted.count], [false, 0], 'nothing goes in vain')
    const all = await place.collect({ rules: KEEP_ALL, maxBytes: 1, neededBytes: 10 })
    assert.deepEqual([all.fits, all.blobs.evicted.count], [false, 1])
    assert.equal(await place.has(gone), true)
  })

  test('makes no room for what was stored since it was asked for', async (t) => {
    const place = new GcPlace(t)
    const { gone, old, mid, young } = await setUp(place)
    const { bytes } = place.store.ledger.total()
    const maxBytes = Math.ceil(bytes / 0.9)
    const request = { kind: 'evict', rules: KEEP_ALL, maxBytes } as const
    // `young` was being written, and is an entry by now: it is among what is stored, and was among what was needed.
    const asked = { neededBytes: 7, storedBytes: bytes - 7 }
    const report = await place.collect({ ...request, ...asked })
    assert.deepEqual([report.blobs.evicted.count, report.fits], [0, true])
    assert.equal((await place.collect({ ...request, neededBytes: 7 })).blobs.evicted.count, 2)
    const there = await Promise.all([gone, old, mid, young].map((digest) => place.has(digest)))
    assert.deepEqual(there, [true, false, false, true])
  })

  test('goes by the order of use', async (t) => {
    const place = new GcPlace(t)
    const { gone, old, mid, young } = await setUp(place)
    await place.store.ledger.touch([old], place.nowMs + 5_000)
    const { bytes } = place.store.ledger.total()
    const neededBytes = 1
    const maxBytes = Math.ceil(bytes / 0.9)
    const report = await place.collect({ kind: 'evict', rules: KEEP_ALL, maxBytes, neededBytes })
    const there = await Promise.all([gone, old, mid, young].map((digest) => place.has(digest)))
    assert.deepEqual(there, [true, true, false, true])
    assert.equal(report.snapshots.length, 0, 'making room retires nothing')
  })

  test('spares what is only in a mirror that is not followed, or whose upstream did not answer', async (t) => {
    for (const change of [
      async (place: GcPlace) => await place.store.reconcile([{ name: 'n' }], place.nowMs),
      async (place: GcPlace) =>
        await place.store.recordSync({ mirror: 'm', checkedAt: place.nowMs, error: 'no route to host' }),
    ]) {
      const place = new GcPlace(t)
      const { old } = await setUp(place)
      await change(place)
      assert.equal((await place.collect({ rules: KEEP_ALL, maxBytes: 1 })).blobs.evicted.count, 0)
      assert.equal(await place.has(old), true)
      // Another mirror that is followed and has it makes it one that can be fetched again.
      await place.publish('n', { old: '1' })
      assert.equal((await place.collect({ rules: KEEP_ALL, maxBytes: 1 })).blobs.evicted.count, 1)
    }
  })
})

describe('what is known of an upstream', () => {
  test('adopted packages are not evicted before upstream was asked whether it has them', async (t) => {
    const place = new GcPlace(t)
    const adopted = await adoptOne(place, 'm', { a: '1' })
    await place.store.reconcile(M, place.nowMs)
    const blob = await place.cache('a', '1')
    const full = { rules: { ...ONE_DAY, maxAgeMs: 1e12 }, maxBytes: 1 }
    assert.equal((await place.collect(full)).blobs.evicted.count, 0)
    assert.equal(await place.has(blob), true)
    // A sync finds upstream as the newest snapshot has it.
    await place.store.recordSync({ mirror: 'm', checkedAt: place.nowMs, error: undefined })
    assert.equal((await place.collect(full)).blobs.evicted.count, 1)
    // Newer ones are adopted: that upstream had the one before says nothing about them.
    place.later(2 * HOUR_MS)
    await adoptOne(place, 'm', { b: '1' })
    const later = await place.cache('b', '1')
    place.later(1)
    assert.equal((await place.collect(full)).blobs.evicted.count, 0)
    assert.equal(await place.has(later), true)
    assert.notEqual(await place.store.snapshot('m', adopted), undefined)
  })

  test('when the newest snapshot goes, a sync looks at upstream as if for the first time', async (t) => {
    const place = new GcPlace(t)
    await place.store.reconcile(M, place.nowMs)
    const first = await place.publish('m', { a: '1' })
    place.later(DAY_MS)
    await place.publish('m', { a: '2' })
    assert.notEqual(await place.store.seenRepomd('m'), undefined)
    await place.reconcile([])
    // A client goes on with the older one, when the mirror's time is over.
    place.later(2 * DAY_MS)
    await place.use('m', first.name)
    const rules = { ...ONE_DAY, keepUsedMs: DAY_MS }
    await place.collect({ rules })
    const left = await place.store.snapshots('m')
    assert.deepEqual(
      left.map(({ name }) => name),
      [first.name],
    )
    await place.reconcile(M)
    assert.equal(await place.store.seenRepomd('m'), undefined, 'or "unchanged" would mean the older one')
  })
})

/** Adopts one snapshot, of the moment it is, as from an older server. */
async function adoptOne(
  place: GcPlace,
  mirror: string,
  packages: Readonly<Record<string, string>>,
): Promise<string> {
  const adoption = place.store.adopt(mirror)
  const { nowMs } = place
  const digest = await place.put(`adopted ${JSON.stringify(packages)}`)
  const { snapshot } = await adoption.add({
    mirror,
    nowMs,
    packages: (async function* () {
      yield Object.entries(packages).map(([href, content]) => createPackage(href, content))
    })(),
    complete: async () => ({
      mirror,
      fingerprint: digest,
      revision: undefined,
      files: [{ path: 'repodata/repomd.xml', type: 'repomd', digest, size: 1 }],
      defects: [],
      seen: { baseurl: 'file:///old/', etag: undefined, lastModified: undefined, digest },
    }),
  })
  await adoption.commit({ configured: true, nowMs, actor: 'test' })
  await adoption.close()
  return snapshot.name
}
