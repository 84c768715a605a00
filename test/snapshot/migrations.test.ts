import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import Database from 'better-sqlite3'

import { digestOf } from '../../src/model/digest.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import { hashHref } from '../../src/snapshot/database.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import { tempDir } from '../support/temp-dir.ts'
import { publishSimply } from './publish-simply.ts'

const MIGRATIONS = new URL('../../src/snapshot/migrations/', import.meta.url)

/** An empty database as the program before a migration left it. */
function createBefore(file: string, migration: string): Database.Database {
  const database = new Database(file)
  const before = readdirSync(MIGRATIONS)
    .filter((name) => name < migration)
    .toSorted()
  for (const name of before) database.exec(readFileSync(new URL(name, MIGRATIONS), 'utf8'))
  database.pragma(`user_version = ${before.length}`)
  return database
}

function createRecord(name: string, version: string): PackageRecord {
  const href = version === '1' ? name : `${name}-${version}`
  const source = `source-${version}-1.src.rpm`
  const evr = { epoch: '0', version, release: '1' }
  return { ...evr, href, checksum: digestOf(href), size: 1, name, arch: 'noarch', source }
}

test('a database from before sources were noted opens; what its snapshots list has none, what comes has', async (t) => {
  const dir = tempDir(t)
  const file = join(dir, 'pinyon.db')
  const database = createBefore(file, '0012')
  database.exec(`INSERT INTO mirror (id, name, listed) VALUES (1, 'm', 1);
    INSERT INTO snapshot (id, mirror_id, seq, name, created_at, fingerprint, package_count, package_bytes)
      VALUES (7, 1, 1, '2016-01-01-00-00', 1, 'sha256:00', 1, 1)`)
  const add =
    database.prepare(`INSERT INTO package (mirror_id, href_hash, href, first_seq, digest, size, name, epoch, version, release, arch)
    VALUES (1, ?, ?, 1, ?, 1, ?, '0', '1', '1', 'noarch')`)
  for (const name of ['kept', 'moved']) add.run(hashHref(name), name, digestOf(name), name)
  database.close()
  const store = new SqliteSnapshotStore(file, () => join(dir, 'scratch.db'))
  t.after(() => store.close())
  const [from] = await store.snapshots('m')
  assert.ok(from !== undefined)
  const packages = [createRecord('kept', '1'), createRecord('moved', '2')]
  const { snapshot: to } = await publishSimply(store, { packages })
  const { gone, come, kept } = await store.differences(from, to)
  const sourcesOf = (all: typeof gone) => all.map(({ name, source }) => [name, source])
  assert.deepEqual(sourcesOf(gone), [['moved', undefined]])
  assert.deepEqual(sourcesOf(come), [['moved', 'source-2-1.src.rpm']])
  assert.deepEqual(kept, [], 'and what stayed is the row that it was')
})
