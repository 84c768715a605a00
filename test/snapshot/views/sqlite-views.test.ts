import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import Database from 'better-sqlite3'

import { digestOf } from '../../../src/model/digest.ts'
import {
  SqliteSnapshotStore,
  type SnapshotStoreOptions,
} from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { describeViews, type ViewPlace } from '../../contract/views.ts'
import { runCommand } from '../../support/run-command.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { createPackage, publishSimply } from '../publish-simply.ts'

const OPENER = join(import.meta.dirname, 'open-views.ts')

/** A database in a directory of its own; its stores are closed when the test ends. */
class Place implements ViewPlace {
  readonly file: string
  readonly #t: TestContext
  #scratchFiles = 0

  constructor(t: TestContext) {
    this.#t = t
    this.file = join(tempDir(t), 'pinyon.db')
  }

  open(options: SnapshotStoreOptions = {}): SqliteSnapshotStore {
    const store = new SqliteSnapshotStore(
      this.file,
      () => `${this.file}.${(this.#scratchFiles += 1)}`,
      options,
    )
    this.#t.after(() => store.close())
    return store
  }
}

const readSix = async ({ history }: SqliteSnapshotStore) =>
  await Promise.all([1, 2, 3, 4, 5, 6].map((generation) => history.indexAt(generation)))

describeViews((t) => new Place(t))

describe('views in the database', () => {
  test('processes that open the same names at once agree', async (t) => {
    const place = new Place(t)
    const store = place.open()
    await store.reconcile([{ name: 'm' }], 0)
    await publishSimply(store)
    const openers = Array.from({ length: 3 }, () => runCommand(process.execPath, [OPENER, place.file, '400']))
    let opening = true
    const done = Promise.all(openers).finally(() => (opening = false))
    // Meanwhile what they freeze moves.
    while (opening) await publishSimply(store)
    const outputs = await done
    for (const { code, stderr, stdout } of outputs)
      assert.deepEqual([code, stderr, stdout], [0, '', outputs[0]?.stdout])
    const generations = new Map(JSON.parse(outputs[0]?.stdout ?? '[]') as [string, number][])
    assert.equal(generations.size, 400)
    const newest = (await store.index()).generation
    for (const generation of generations.values()) assert.ok(generation >= 1 && generation <= newest)
  })

  test('a disk that is full ends no view, and makes none', async (t) => {
    const place = new Place(t)
    const store = place.open()
    await store.reconcile([{ name: 'm' }], 0)
    await publishSimply(store)
    await store.views.open('old', { client: 'a', ttlMs: 1_000_000 })
    const blocker = new Database(place.file)
    blocker.exec("CREATE TRIGGER full BEFORE UPDATE ON view BEGIN SELECT raise(ABORT, 'disk full'); END")
    blocker.exec("CREATE TRIGGER fuller BEFORE INSERT ON view BEGIN SELECT raise(ABORT, 'disk full'); END")
    blocker.close()
    assert.equal(await store.views.open('old', { client: 'a', ttlMs: 2_000_000 }), 1)
    await assert.rejects(store.views.open('new', { client: 'a' }), /disk full/)
    assert.equal(await store.views.open('old', { client: 'a' }), 1)
  })

  test('a generation reads the same when retention has taken files and packages', async (t) => {
    const place = new Place(t)
    const store = place.open()
    await store.reconcile([{ name: 'm' }, { name: 'n' }], 0)
    const files = [{ path: 'repodata/repomd.xml', type: 'repomd', digest: digestOf('r'), size: 1 }]
    for (const version of ['1', '2', '3'])
      for (const mirror of ['m', 'n'])
        await publishSimply(store, { mirror, files, packages: [createPackage('a', version)] })
    const before = await readSix(store)
    const retention = new Database(place.file)
    retention.exec(`UPDATE snapshot SET retired_at = 5 WHERE seq < 3; DELETE FROM package; DELETE FROM blob;
      DELETE FROM repodata_file; DELETE FROM defect; UPDATE mirror SET removed_at = 5, listed = 0 WHERE name = 'n'`)
    retention.close()
    assert.deepEqual(await readSix(store), before)
    assert.deepEqual(await readSix(place.open()), before)
  })
})
