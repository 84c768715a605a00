import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import type { PackageRecord } from '../../../src/model/repodata.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { NOON, createPackage, publishSimply } from '../publish-simply.ts'

const MINUTE_MS = 60_000

interface Place {
  readonly dir: string
  readonly store: SqliteSnapshotStore
  /** Adopts snapshots of these packages, a minute apart. */
  readonly adopt: (
    fromMs: number,
    histories: readonly (readonly PackageRecord[])[],
    configured?: boolean,
  ) => Promise<void>
  readonly count: (sql: string) => number | null
}

function openPlace(t: TestContext): Place {
  const dir = tempDir(t)
  const file = join(dir, 'pinyon.db')
  let serial = 0
  const store = new SqliteSnapshotStore(file, () => join(dir, `scratch${(serial += 1)}`))
  t.after(() => store.close())
  return {
    dir,
    store,
    adopt: async (fromMs, histories, configured = true) => {
      const adoption = store.adopt('m')
      const target = { publish: adoption.add.bind(adoption) }
      for (const [index, packages] of histories.entries())
        await publishSimply(target, { packages, nowMs: fromMs + index * MINUTE_MS })
      await adoption.commit({ configured, nowMs: NOON, actor: 'me' })
      await adoption.close()
    },
    count: (sql) => {
      const database = new Database(file, { readonly: true })
      try {
        return database.prepare(sql).pluck().get() as number | null
      } finally {
        database.close()
      }
    },
  }
}

describe('adopted snapshots in the database', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => createPackage(`P/${index}`))
  const ROWS = 'SELECT count(*) FROM package'
  const OPEN = 'SELECT count(*) FROM package WHERE last_seq IS NULL'

  test('cost what they change, before what is there', async (t) => {
    const { adopt, count, store } = openPlace(t)
    await publishSimply(store, { packages: hundred })
    await adopt(NOON - 9 * MINUTE_MS, [hundred.slice(0, 99), hundred, [...hundred, createPackage('gone')]])
    assert.deepEqual([count(ROWS), count(OPEN)], [101, 100])
    await adopt(NOON - 99 * MINUTE_MS, [hundred])
    assert.deepEqual([count(ROWS), count(OPEN)], [102, 100], 'what was not there for a while has two rows')
  })

  test('cost what they change, after what is there, and so does the next sync', async (t) => {
    const { adopt, count, store } = openPlace(t)
    await adopt(NOON, [hundred.slice(1), hundred])
    assert.deepEqual([count(ROWS), count(OPEN)], [100, 100])
    await adopt(NOON + 9 * MINUTE_MS, [hundred, hundred.slice(3)])
    assert.deepEqual([count(ROWS), count(OPEN)], [100, 97])
    const { added, removed } = await publishSimply(store, {
      packages: hundred.slice(4),
      nowMs: NOON + 99 * MINUTE_MS,
    })
    assert.deepEqual([added, removed, count(ROWS)], [0, 1, 100])
  })

  test('of a mirror that is not configured are those of one that went out now', async (t) => {
    const { adopt, count, store } = openPlace(t)
    const REMOVED = 'SELECT removed_at FROM mirror'
    await adopt(NOON, [[]])
    assert.equal(count(REMOVED), null)
    await adopt(NOON + 9 * MINUTE_MS, [[]], false)
    assert.equal(count(REMOVED), NOON)
    await store.reconcile([{ name: 'm' }], NOON)
    const [state] = await store.mirrors()
    assert.equal(state?.current?.createdAt, NOON + 9 * MINUTE_MS)
  })

  test('leave no scratch behind', async (t) => {
    const { adopt, dir } = openPlace(t)
    await adopt(NOON, [hundred])
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.startsWith('scratch')),
      [],
    )
  })
})
