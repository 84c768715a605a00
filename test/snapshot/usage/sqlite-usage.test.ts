import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import Database from 'better-sqlite3'

import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { createBatch, type Request } from '../../contract/usage.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { NOON, publishSimply } from '../publish-simply.ts'

const DAY_MS = 86_400_000

interface Place {
  readonly file: string
  readonly store: SqliteSnapshotStore
  /** Changes the database as another process would. */
  readonly change: (sql: string, ...values: unknown[]) => void
}

function openPlace(t: TestContext): Place {
  const dir = tempDir(t)
  const file = join(dir, 'pinyon.db')
  let scratch = 0
  const store = new SqliteSnapshotStore(file, () => join(dir, `scratch${(scratch += 1)}`))
  const other = new Database(file)
  t.after(async () => {
    other.close()
    await store.close()
  })
  return { file, store, change: (sql, ...values) => void other.prepare(sql).run(...values) }
}

describe('the tables of use', () => {
  test("forget a retired snapshot's use after 90 days, and keep it in its mirror's", async (t) => {
    const { store, change } = openPlace(t)
    const { snapshot: old } = await publishSimply(store)
    const { snapshot: now } = await publishSimply(store)
    const requests: readonly Request[] = [
      [old, '10.0.0.1', 'yum 3', 1, 0],
      [now, '10.0.0.2', 'curl', 2, 91 * DAY_MS],
    ]
    await store.usage.add(createBatch(store, requests))
    change('UPDATE snapshot SET retired_at = ? WHERE id = ?', NOON + DAY_MS, old.id)
    const read = async () => {
      const details = await store.usage.ofMirror('m')
      return details?.snapshots.map(({ snapshot, retired }) => [snapshot, retired])
    }
    await store.usage.prune(NOON + 91 * DAY_MS)
    assert.deepEqual(await read(), [
      [now.name, false],
      [old.name, true],
    ])
    await store.usage.prune(NOON + 91 * DAY_MS + 1)
    assert.deepEqual(await read(), [[now.name, false]])
    const details = await store.usage.ofMirror('m')
    assert.deepEqual(details?.usage, {
      requests: 2,
      bytes: 3,
      clients: 2,
      firstSeen: NOON,
      lastSeen: NOON + 91 * DAY_MS,
      agents: [
        { agent: 'curl', requests: 1 },
        { agent: 'yum 3', requests: 1 },
      ],
    })
  })

  test('take a batch as a whole or not at all', async (t) => {
    const { store, change } = openPlace(t)
    const { snapshot } = await publishSimply(store)
    const batch = createBatch(store, [[snapshot, '10.0.0.1', 'curl', 1, 0]])
    const broken = {
      ...batch,
      clients: batch.clients.map((client) => ({ ...client, agent: undefined as never })),
    }
    await assert.rejects(store.usage.add(broken))
    assert.equal((await store.usage.ofMirror('m'))?.usage, undefined)
    await store.usage.add(batch)
    assert.equal((await store.usage.ofMirror('m'))?.usage?.requests, 1)
    change("UPDATE mirror_usage SET clients = x'07'")
    await assert.rejects(store.usage.add(batch), { code: 'STORE_FAILED' })
    await assert.rejects(store.usage.ofMirrors(), { code: 'STORE_FAILED' })
  })

  test('grow with mirrors and snapshots, not with clients and time', async (t) => {
    const { store, file } = openPlace(t)
    const { snapshot } = await publishSimply(store)
    const sizes: number[] = []
    for (let day = 0; day < 20; day += 1) {
      const requests = Array.from({ length: 2_000 }, (_, index): Request => {
        const address = `2001:db8:${day}:${index.toString(16)}:1234:5678:9abc:def0`
        return [snapshot, address, 'curl', 1, day * DAY_MS + index]
      })
      await store.usage.add(createBatch(store, requests))
      const other = new Database(file)
      other.pragma('wal_checkpoint(TRUNCATE)')
      other.close()
      sizes.push(statSync(file).size)
    }
    t.diagnostic(`bytes: ${sizes.join(' ')}`)
    assert.ok((sizes.at(-1) ?? 0) < (sizes[1] ?? 0) + 200_000, sizes.join(' '))
  })
})
