import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import Database from 'better-sqlite3'

import type { Digest } from '../../../src/model/digest.ts'
import { openDatabase } from '../../../src/snapshot/database.ts'
import type { GcContext } from '../../../src/snapshot/gc/gc-context.ts'
import { sweepPackages } from '../../../src/snapshot/gc/retire.ts'
import { prepareGc } from '../../../src/snapshot/gc/sql-gc.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { describeDeparted, type DepartedPlace } from '../../contract/departed.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { createPackage, NOON, publishSimply } from '../publish-simply.ts'

/** A database in a directory of its own, with an account of blobs that has no files. */
class Place implements DepartedPlace {
  readonly file: string
  readonly store: SqliteSnapshotStore
  #scratch = 0

  constructor(t: TestContext) {
    this.file = join(tempDir(t), 'pinyon.db')
    this.store = new SqliteSnapshotStore(this.file, () => `${this.file}.${(this.#scratch += 1)}`)
    t.after(() => this.store.close())
  }

  async cache(...digests: Digest[]): Promise<void> {
    for (const digest of digests) await this.store.ledger.add(digest, 1, () => undefined)
  }

  async drop(...digests: Digest[]): Promise<void> {
    for (const digest of digests) await this.store.ledger.drop(digest, () => true)
  }

  async sweep(): Promise<void> {
    const database = openDatabase(this.file)
    await sweepPackages({ database, statements: prepareGc(database) } as GcContext)
    database.close()
  }
}

describeDeparted((t) => new Place(t))

describe('the tables of what left upstream', () => {
  test('are filled for a database of the version before, and nothing of it is fetched ahead later', async (t) => {
    const place = new Place(t)
    await place.cache(createPackage('a').checksum)
    for (const hrefs of [['a', 'b', 'flip'], ['c'], ['c', 'flip']])
      await publishSimply(place.store, { packages: hrefs.map((href) => createPackage(href)) })
    await place.store.close()
    downgrade(place.file)
    const store = new SqliteSnapshotStore(place.file)
    t.after(() => store.close())
    const files = await store.departed.list('m', { states: ['cached', 'at_risk', 'lost'] })
    assert.deepEqual(
      files.map(({ href, departure }) => `${href} ${departure?.state}`),
      ['a cached', 'b at_risk'],
    )
    const counts = (await store.departed.counts()).get('m')
    assert.deepEqual([counts?.cached.count, counts?.at_risk.count], [1, 1])
    assert.equal((await store.prefetch.progress('m')).seq, 3)
  })

  test('take little: a sync that changes 100 of 10,000 packages makes them grow by less than 20 KB', async (t) => {
    const place = new Place(t)
    const names = Array.from({ length: 10_000 }, (_, index) => `Packages/p/package-${index}.x86_64.rpm`)
    const publish = async (changed: number, content: string) =>
      await publishSimply(place.store, {
        packages: names.map((href, index) => createPackage(href, index % 100 === changed ? content : '1')),
        nowMs: NOON,
      })
    await publish(-1, '')
    const before = sizesOf(place.file)
    for (let round = 0; round < 5; round += 1) await publish(round, `${round}`)
    const after = sizesOf(place.file)
    // Of each round 100 leave, and from the second on 100 of the round before leave as well.
    assert.ok((after - before) / 9 < 20_000, `${(after - before) / 9} bytes a hundred packages that left`)
  })
})

/** Takes away what the newest migration added. */
function downgrade(file: string): void {
  const database = new Database(file)
  const triggers = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
    .pluck()
    .all() as string[]
  for (const name of triggers) if (/depart|forgotten/.test(name)) database.exec(`DROP TRIGGER ${name}`)
  const later = [
    'snapshot_arch',
    'snapshot_signature',
    'key_source',
    'wall_trust',
    'mirror_list',
    'extra_file',
    'sync_check',
    'snapshot_fetch',
  ]
  for (const name of ['asked_name', 'departed', 'departed_total', 'lost_package', ...later])
    database.exec(`DROP TABLE ${name}`)
  database.exec(
    'ALTER TABLE mirror DROP COLUMN prefetched_seq; ALTER TABLE mirror DROP COLUMN prefetch_policy',
  )
  database.exec('ALTER TABLE mirror DROP COLUMN repomd_named; ALTER TABLE package DROP COLUMN source')
  database.exec('ALTER TABLE snapshot DROP COLUMN cached; ALTER TABLE snapshot DROP COLUMN cached_bytes')
  database.exec('ALTER TABLE snapshot DROP COLUMN arches; ALTER TABLE mirror DROP COLUMN repomd_arches')
  database.exec('ALTER TABLE snapshot DROP COLUMN climb; ALTER TABLE snapshot DROP COLUMN xml_base')
  database.exec('DROP INDEX snapshot_replaced; DROP INDEX current_first; DROP INDEX current_last')
  for (const name of ['added', 'removed', 'upgraded', 'downgraded', 'replaced'])
    database.exec(`ALTER TABLE snapshot DROP COLUMN ${name}`)
  database.exec('ALTER TABLE generation DROP COLUMN why; ALTER TABLE mirror DROP COLUMN pinned_at')
  database.exec('DROP INDEX view_holder; ALTER TABLE view DROP COLUMN holder')
  database.pragma('user_version = 3')
  database.close()
}

/** Bytes of the tables of what left and of their indexes. */
function sizesOf(file: string): number {
  const database = new Database(file)
  try {
    const sql = "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'departed%' OR name LIKE 'lost%'"
    return database.prepare(sql).pluck().get() as number
  } finally {
    database.close()
  }
}
