import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import type { PackageQuery } from '../../../src/snapshot/prefetch/prefetch-store.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { createPackage, NOON, publishSimply } from '../publish-simply.ts'

const HOUR_MS = 3_600_000
/** More than a page of rows. */
const PACKAGES = 1_500

/** A snapshot of so many packages, a third of which were asked for in the last hours, in pages of the store. */
async function startPlace(t: TestContext, { isUsed = true } = {}) {
  const file = join(tempDir(t), 'pinyon.db')
  const store = new SqliteSnapshotStore(file, () => `${file}.scratch`)
  t.after(() => store.close())
  const packages = Array.from({ length: PACKAGES }, (_, index) => ({
    ...createPackage(`p/${index}.rpm`),
    name: `name-${index}`,
  }))
  const { snapshot } = await publishSimply(store, { packages, nowMs: NOON })
  const { mirrorId } = snapshot
  const names = packages.flatMap(({ name }, index) =>
    index % 3 === 0 ? [{ mirrorId, name, askedAt: NOON - index * HOUR_MS }] : [],
  )
  await store.usage.add({ snapshots: [], clients: [], ...(isUsed ? { names } : {}) })
  const list = async (query: PackageQuery) => {
    const pages = []
    for await (const page of store.prefetch.packages(snapshot, query)) pages.push(page)
    return pages
  }
  return { store, snapshot, list }
}

describe('packages to be fetched ahead', () => {
  test('can be those of names that were asked for since a moment, that included', async (t) => {
    const { list } = await startPlace(t)
    const all = (await list({})).flat()
    assert.equal(all.length, PACKAGES)
    for (const hours of [0, 2, 3, 300, 10_000]) {
      const askedSince = NOON - hours * HOUR_MS
      const found = (await list({ askedSince })).flat()
      const expected = all.filter(({ askedAt = 0 }) => askedAt >= askedSince)
      assert.deepEqual(found, expected)
      assert.equal(found.length, Math.min(Math.floor(hours / 3) + 1, PACKAGES / 3))
    }
  })

  test('of a mirror that nobody used are none, and no row is looked at', async (t) => {
    const { list } = await startPlace(t, { isUsed: false })
    assert.deepEqual(await list({ askedSince: 0 }), [])
    assert.equal((await list({})).length, 2)
  })
})

describe('counting what is cached', () => {
  test('ends when it is told to, and leaves what was counted before', async (t) => {
    const { store, snapshot } = await startPlace(t)
    await store.stock.recount('m')
    await store.ledger.add(createPackage('p/1.rpm').checksum, 1, () => undefined)
    await assert.rejects(store.stock.recount('m', AbortSignal.abort(new Error('told to'))), /told to/)
    assert.equal((await store.stock.counts('m')).get(snapshot.id)?.count, 0)
    await store.stock.recount('m')
    assert.equal((await store.stock.counts('m')).get(snapshot.id)?.count, 1)
  })

  test('comes to the same in one go, wherever the rows of a mirror lie', async (t) => {
    const { store, snapshot } = await startPlace(t)
    const counts = async () => (await store.stock.counts('m')).get(snapshot.id)
    const others = Array.from({ length: 20 * PACKAGES }, (_, index) => createPackage(`o/${index}.rpm`))
    await store.stock.recountAtOnce('m')
    assert.deepEqual(await counts(), { count: 0, bytes: 0 })
    await store.ledger.add(createPackage('p/1.rpm').checksum, 3, () => undefined)
    await store.stock.recountAtOnce('m')
    assert.deepEqual(await counts(), { count: 1, bytes: 3 })
    // One that lies far behind the others, which another mirror's part.
    await publishSimply(store, { mirror: 'other', packages: others })
    const later = createPackage('p/later.rpm')
    const { snapshot: next } = await publishSimply(store, { mirror: 'm', packages: [later] })
    await store.ledger.add(later.checksum, 5, () => undefined)
    await store.stock.recountAtOnce('m')
    assert.deepEqual(await counts(), { count: 1, bytes: 3 })
    assert.deepEqual((await store.stock.counts('m')).get(next.id), { count: 1, bytes: 5 })
  })
})
