import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import Database from 'better-sqlite3'

import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { tempDir } from '../../support/temp-dir.ts'

const MIGRATIONS = new URL('../../../src/snapshot/migrations/', import.meta.url)

test('a database from before there were several architectures opens, with who signed its snapshots', async (t) => {
  const file = join(tempDir(t), 'pinyon.db')
  const database = new Database(file)
  const before = readdirSync(MIGRATIONS)
    .filter((name) => name < '0010')
    .toSorted()
  for (const name of before) database.exec(readFileSync(new URL(name, MIGRATIONS), 'utf8'))
  database.pragma(`user_version = ${before.length}`)
  database.exec(`INSERT INTO mirror (id, name, listed) VALUES (1, 'm', 1);
    INSERT INTO snapshot (id, mirror_id, seq, name, created_at, fingerprint, package_count, package_bytes)
      VALUES (7, 1, 1, '2026-01-01-00-00', 1, 'sha256:00', 0, 0);
    INSERT INTO snapshot_signature VALUES (7, 'AB', 'CD', 'owner', 'sha256', 1, 2)`)
  database.close()
  const store = new SqliteSnapshotStore(file)
  t.after(() => store.close())
  const [snapshot] = await store.snapshots('m')
  assert.ok(snapshot !== undefined)
  assert.equal(snapshot.arches, undefined)
  assert.deepEqual(await store.arches(snapshot), [])
  assert.equal((await store.seenArches('m')).size, 0)
  const signature = {
    fingerprint: 'AB',
    primary: 'CD',
    owner: 'owner',
    hash: 'sha256',
    signedAt: 1,
    verifiedAt: 2,
  }
  assert.deepEqual(await store.signature(snapshot), signature)
  assert.equal(await store.signature(snapshot, 'x86_64'), undefined)
})
