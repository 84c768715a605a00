import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { digestOf } from '../../src/model/digest.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import { hashHref } from '../../src/snapshot/database.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import { describeSnapshotStore, type SnapshotPlace } from '../contract/snapshot-store.ts'
import { runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { createPackage, inBatches, publishSimply } from './publish-simply.ts'

const READER = join(import.meta.dirname, 'read-generations.ts')

/** A database in a directory of its own; its stores are closed when the test ends. */
class Place implements SnapshotPlace {
  readonly dir: string
  readonly file: string
  readonly scratch: string[] = []
  readonly #t: TestContext

  constructor(t: TestContext) {
    this.#t = t
    this.dir = tempDir(t)
    this.file = join(this.dir, 'pinyon.db')
  }

  open(): SqliteSnapshotStore {
    const store = new SqliteSnapshotStore(this.file, () => this.#newScratchFile())
    this.#t.after(() => store.close())
    return store
  }

  /** Bytes of the database file, with nothing left in its log. */
  sizeBytes(): number {
    const database = new Database(this.file)
    database.pragma('wal_checkpoint(TRUNCATE)')
    database.close()
    return statSync(this.file).size
  }

  #newScratchFile(): string {
    const file = join(this.dir, `scratch${this.scratch.length}`)
    this.scratch.push(file)
    return file
  }
}

describeSnapshotStore((t) => new Place(t))

test('an href is found by the first 48 bits of its sha1, as in databases that there are', () => {
  assert.equal(hashHref('Packages/a-1-1.noarch.rpm'), 0x37806884ae9b)
  assert.equal(hashHref('Packages/ü.rpm'), 0x79cc5e867932)
})

describe('the database', () => {
  test('takes a first snapshot for the second when another came while its packages were read', async (t) => {
    const place = new Place(t)
    const [store, another] = [place.open(), place.open()]
    const published = await store.publish({
      mirror: 'm',
      nowMs: 60_000,
      packages: inBatches([createPackage('both'), createPackage('new')], 1),
      complete: async () => {
        await publishSimply(another, { nowMs: 0, packages: [createPackage('both'), createPackage('gone')] })
        const seen = { baseurl: 'http://u/', etag: undefined, lastModified: undefined, digest: digestOf('r') }
        return { mirror: 'm', fingerprint: digestOf('f'), revision: undefined, files: [], defects: [], seen }
      },
    })
    assert.deepEqual([published.snapshot.seq, published.added, published.removed], [2, 1, 1])
    const [newest, oldest] = await store.snapshots('m')
    assert.ok(newest !== undefined && oldest !== undefined)
    assert.notEqual(await store.file(oldest, 'gone'), undefined)
    assert.equal(await store.file(newest, 'gone'), undefined)
    assert.notEqual(await store.file(newest, 'both'), undefined)
  })

  test('may be an empty file, and is reopened as it was', async (t) => {
    const place = new Place(t)
    writeFileSync(place.file, '')
    await publishSimply(place.open())
    await publishSimply(place.open())
    assert.equal((await place.open().snapshots('m')).length, 2)
  })

  test('of a newer program is refused and left alone', (t) => {
    const place = new Place(t)
    const database = new Database(place.file)
    database.pragma('user_version = 99')
    database.close()
    assert.throws(() => place.open(), {
      code: 'STORE_FAILED',
      message: /written by a newer pinyon: schema 99$/,
    })
    const after = new Database(place.file)
    assert.deepEqual(after.prepare('SELECT * FROM sqlite_schema').all(), [])
    after.close()
  })

  test('that is none, or cannot be made, is told by name', (t) => {
    const place = new Place(t)
    writeFileSync(place.file, 'this is no database, and it is long enough to be sure of that'.repeat(20))
    assert.throws(() => place.open(), {
      code: 'STORE_CORRUPT',
      message: /pinyon\.db is damaged.*pinyon verify --rebuild.*: .*not a database/,
    })
    const nowhere = join(place.dir, 'nowhere/pinyon.db')
    assert.throws(() => new SqliteSnapshotStore(nowhere), { code: 'STORE_FAILED', message: /^opening / })
  })

  test('can be made by many processes at once', async (t) => {
    const place = new Place(t)
    const starts = Array.from({ length: 6 }, () => runCommand(process.execPath, [READER, place.file, '0']))
    for (const { code, stdout, stderr } of await Promise.all(starts))
      assert.deepEqual([code, stdout, stderr], [0, 'reading\n1\n', ''])
  })

  test('shows whole generations to another process while this one publishes', async (t) => {
    const place = new Place(t)
    const store = place.open()
    const mirrors = ['k', 'l', 'm']
    await store.reconcile(
      mirrors.map((name) => ({ name })),
      0,
    )
    const reader = spawn(process.execPath, [READER, place.file, '150'], { stdio: ['ignore', 'pipe', 'pipe'] })
    const exited = once(reader, 'exit')
    const stderr = text(reader.stderr)
    let stdout = ''
    reader.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece))
    await once(reader.stdout, 'data')
    for (let round = 0; round < 50; round += 1)
      for (const mirror of mirrors)
        await publishSimply(store, { mirror, packages: [createPackage(`${round}`)] })
    assert.deepEqual([(await exited)[0], await stderr], [0, ''])
    assert.ok(Number(stdout.trim().split('\n').at(-1)) > 10, stdout)
  })

  test('keeps no scratch file, whether publishing succeeds or fails', async (t) => {
    const place = new Place(t)
    const store = place.open()
    await publishSimply(store, { packages: [createPackage('a')] })
    await assert.rejects(
      publishSimply(store, { candidate: { fingerprint: 7 as never, files: [{} as never] } }),
    )
    assert.equal(place.scratch.length, 2)
    for (const file of place.scratch) assert.equal(existsSync(file), false)
    assert.equal((await store.snapshots('m')).length, 1)
    assert.equal((await publishSimply(store)).snapshot.seq, 2)
  })
})

describe('what a snapshot costs', () => {
  test('100 changed packages of 65,000: at most 100 KB of database', async (t) => {
    const place = new Place(t)
    const store = place.open()
    const first = Array.from({ length: 65_000 }, (_, index) => createRealisticPackage(index, 1))
    await publishLarge(store, first)
    let before = place.sizeBytes()
    const growths: number[] = []
    for (let round = 1; round <= 5; round += 1) {
      const changed = first.map((one, index) =>
        index % 650 === round ? createRealisticPackage(index, round + 1) : one,
      )
      const { added } = await publishLarge(store, changed)
      assert.equal(added, round === 1 ? 100 : 200, 'the round before is undone, this one done')
      const after = place.sizeBytes()
      growths.push((after - before) / (added / 100))
      before = after
    }
    t.diagnostic(`database: ${before} bytes; growth by 100 changed packages: ${growths.join(', ')} bytes`)
    for (const growth of growths) assert.ok(growth <= 100_000, `${growth} bytes`)
  })
})

/** As long as the names of a distribution's packages are, in their order. */
function createRealisticPackage(index: number, release: number): PackageRecord {
  const name = `library-of-things-${String(index).padStart(6, '0')}-devel`
  const href = `Packages/l/${name}-2.34.5-${release}.el9.x86_64.rpm`
  const checksum = digestOf(href)
  const nevra = { name, epoch: '0', version: '2.34.5', release: `${release}.el9`, arch: 'x86_64' }
  return { href, checksum, size: 10_000 + index, ...nevra }
}

async function publishLarge(
  store: SqliteSnapshotStore,
  packages: readonly PackageRecord[],
): Promise<{ added: number }> {
  const seen = { baseurl: 'http://u/', etag: undefined, lastModified: undefined, digest: digestOf('') }
  return await store.publish({
    mirror: 'm',
    nowMs: 0,
    packages: inBatches(packages, 1_000),
    complete: async (defects) => ({
      mirror: 'm',
      fingerprint: digestOf(''),
      revision: undefined,
      files: [],
      defects,
      seen,
    }),
  })
}
