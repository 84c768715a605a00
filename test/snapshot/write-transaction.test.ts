import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import Database from 'better-sqlite3'

import { BUSY_TIMEOUT_MS } from '../../src/snapshot/database.ts'
import { runWrite, watchWrites } from '../../src/snapshot/write-transaction.ts'
import { tempDir } from '../support/temp-dir.ts'

const NORMAL = 1
const FULL = 2

/** Two connections to one database, and what the first one's watch has heard. */
function open(t: TestContext): {
  readonly database: Database.Database
  readonly other: Database.Database
  readonly heard: string[]
} {
  const file = join(tempDir(t), 'test.db')
  const [database, other] = [new Database(file), new Database(file)]
  t.after(() => {
    database.close()
    other.close()
  })
  database.pragma('journal_mode = WAL')
  database.exec('CREATE TABLE one (value)')
  const heard: string[] = []
  watchWrites(database, { wrote: () => heard.push('wrote'), waited: () => heard.push('waited') })
  return { database, other, heard }
}

function add(database: Database.Database, value: number): () => number {
  return () => database.prepare('INSERT INTO one VALUES (?)').run(value).changes
}

function values(database: Database.Database): unknown[] {
  return database.prepare('SELECT value FROM one').pluck().all()
}

describe('a write', () => {
  test('waits for another connection without holding up its thread', async (t) => {
    const { database, other, heard } = open(t)
    other.exec('BEGIN IMMEDIATE')
    let isDone = false
    const writing = runWrite(database, add(database, 1), { durable: false }).then((changes) => {
      isDone = true
      return changes
    })
    // Turns go on, and others may read.
    while (!heard.includes('waited')) await nextTurn()
    assert.equal(isDone, false)
    assert.deepEqual(values(database), [])
    other.exec('COMMIT')
    assert.equal(await writing, 1)
    assert.equal(heard.at(-1), 'wrote')
    assert.deepEqual(values(other), [1])
  })

  test('that throws leaves nothing, and the next one is none the worse', async (t) => {
    const { database, other, heard } = open(t)
    const failing = runWrite(
      database,
      () => {
        add(database, 1)()
        throw new Error('no')
      },
      { durable: true },
    )
    await assert.rejects(failing, /no/)
    assert.deepEqual(values(other), [])
    await runWrite(database, add(database, 2), { durable: true })
    assert.deepEqual(values(other), [2])
    assert.deepEqual(heard, ['wrote', 'wrote'])
  })

  test('is as durable as it says, in any order', async (t) => {
    const { database } = open(t)
    for (const durable of [true, false, false, true, true, false]) {
      const seen = await runWrite(database, () => database.pragma('synchronous', { simple: true }), {
        durable,
      })
      assert.equal(seen, durable ? FULL : NORMAL)
    }
  })

  test('leaves the connection to wait as long as ever for others', async (t) => {
    const { database } = open(t)
    const timeout = () => database.pragma('busy_timeout', { simple: true })
    assert.equal(await runWrite(database, timeout, { durable: false }), 0)
    assert.equal(timeout(), BUSY_TIMEOUT_MS)
  })
})
