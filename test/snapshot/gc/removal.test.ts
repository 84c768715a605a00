import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import Database from 'better-sqlite3'

import { refuseUsed, type MirrorClient, type MirrorUse } from '../../../src/snapshot/gc/removal.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { publishSimply } from '../publish-simply.ts'

const NOW = Date.UTC(2026, 10, 22, 12)
const DAY_MS = 86_400_000

function use(clients: readonly MirrorClient[], views: readonly string[]): MirrorUse {
  return {
    usedSince: (_, sinceMs) => Promise.resolve(clients.filter(({ lastSeen }) => lastSeen >= sinceMs)),
    viewsHolding: () => Promise.resolve(views.map((name) => ({ name }))),
  }
}

function clientsSeen(count: number, daysAgo: number): MirrorClient[] {
  return Array.from({ length: count }, (_, at) => ({
    client: `10.0.0.${at}`,
    agent: 'zypper',
    lastSeen: NOW - daysAgo * DAY_MS,
  }))
}

describe('a removal', () => {
  test('is refused with who and since when, some of many', async () => {
    await assert.rejects(refuseUsed('m', use(clientsSeen(6, 14), ['a', 'b', 'c', 'd', 'e', 'f', 'g']), NOW), {
      code: 'MIRROR_IN_USE',
      message:
        'm is not removed (--force removes it all the same), it is used in the last 14 days by ' +
        [0, 1, 2, 3, 4].map((at) => `10.0.0.${at} (zypper, 2026-11-08)`).join(', ') +
        ' and 1 more; held by the view a, b, c, d, e and 2 more',
    })
  })

  test('is let through when nobody used it for 14 days', async () => {
    await refuseUsed('m', use(clientsSeen(3, 14.001), []), NOW)
  })
})

describe('the use of a mirror in the database', () => {
  test('is of its clients, else of its snapshots, and of views whose generation has it', async (t) => {
    const file = join(tempDir(t), 'pinyon.db')
    const store = new SqliteSnapshotStore(file, () => `${file}.scratch`)
    const database = new Database(file)
    t.after(async () => {
      database.close()
      await store.close()
    })
    await store.reconcile([{ name: 'm' }, { name: 'n' }], 0)
    const { snapshot } = await publishSimply(store)
    await publishSimply(store, { mirror: 'n' })
    await store.reconcile([{ name: 'n' }], 1)
    const addView = database.prepare(
      "INSERT INTO view (name, generation, created_at, client, holder, ttl_ms, expires_at) VALUES (?, ?, 0, '', '', 1, 1)",
    )
    for (const [name, generation] of [
      ['x', 1],
      ['y', 2],
      ['z', 3],
    ] as const)
      addView.run(name, generation)
    const { mirrorUse } = store
    assert.deepEqual(await mirrorUse.viewsHolding('m'), [{ name: 'x' }, { name: 'y' }])
    assert.deepEqual(await mirrorUse.viewsHolding('n'), [{ name: 'y' }, { name: 'z' }])
    database.prepare("INSERT INTO snapshot_usage VALUES (?, 1, 1, 5, 7, x'')").run(snapshot.id)
    assert.deepEqual(await mirrorUse.usedSince('m', 7), [
      { client: 'a client that was not noted', agent: '', lastSeen: 7 },
    ])
    assert.deepEqual(await mirrorUse.usedSince('m', 8), [])
    const addClient = database.prepare("INSERT INTO client_usage VALUES (?, ?, 'dnf 5', 1, 1, 1, ?)")
    addClient.run(snapshot.mirrorId, '10.0.0.1', 7)
    addClient.run(snapshot.mirrorId, '10.0.0.2', 9)
    assert.deepEqual(await mirrorUse.usedSince('m', 7), [
      { client: '10.0.0.2', agent: 'dnf 5', lastSeen: 9 },
      { client: '10.0.0.1', agent: 'dnf 5', lastSeen: 7 },
    ])
    assert.deepEqual(await mirrorUse.usedSince('n', 0), [])
  })
})
