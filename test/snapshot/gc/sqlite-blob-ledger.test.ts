import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { digestOf, type Digest } from '../../../src/model/digest.ts'
import { openDatabase } from '../../../src/snapshot/database.ts'
import { SqliteBlobLedger } from '../../../src/snapshot/gc/sqlite-blob-ledger.ts'
import { GcPlace } from './gc-place.ts'

/** A ledger on a connection of its own, and another connection. */
function openLedger(t: TestContext) {
  const { layout } = new GcPlace(t)
  const database = openDatabase(layout.database)
  t.after(() => database.close())
  const openOther = () => {
    const other = openDatabase(layout.database)
    t.after(() => other.close())
    return other
  }
  return { database, openOther, ledger: new SqliteBlobLedger(database, () => 0) }
}

test('between uses that are entered by the thousand, requests have their turn', async (t) => {
  const place = new GcPlace(t)
  let turns = 0
  const count = () => {
    turns += 1
    if (turns < 1_000) setImmediate(count)
  }
  setImmediate(count)
  const digests = Array.from({ length: 2_000 }, (_, index) => digestOf(`${index}`))
  await place.store.ledger.touch(digests, place.nowMs)
  assert.ok(turns >= 10 && turns < 1_000, `${turns} turns`)
})

test('blobs that come together are entered together, each named by then', async (t) => {
  const { database, ledger } = openLedger(t)
  const digests = Array.from({ length: 70 }, (_, index) => digestOf(`together ${index}`))
  const named: string[] = []
  const begun = t.mock.method(database, 'exec')
  await Promise.all(
    digests.map(async (digest, size) => {
      await ledger.add(digest, size, () => named.push(digest))
      assert.deepEqual([named.includes(digest), ledger.find(digest)?.size], [true, size])
    }),
  )
  assert.deepEqual(named, digests)
  const waits = begun.mock.calls.filter((call) => call.arguments[0] === 'PRAGMA busy_timeout = 0')
  // Thirty at a time.
  assert.equal(waits.length, 3)
})

test('a blob that cannot be named fails alone, and those beside it are entered', async (t) => {
  const { ledger } = openLedger(t)
  const [one, two, three] = ['one', 'two', 'three'].map((text) => digestOf(text))
  const added = await Promise.allSettled([
    ledger.add(one as Digest, 1, () => undefined),
    ledger.add(two as Digest, 2, () => {
      throw new Error('it has no name')
    }),
    ledger.add(three as Digest, 3, () => undefined),
  ])
  assert.deepEqual(
    added.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(
    [one, two, three].map((digest) => ledger.find(digest as Digest)?.size),
    [1, undefined, 3],
  )
})

test('where nothing can be entered everybody is told, and the next ones are entered', async (t) => {
  const { database, ledger } = openLedger(t)
  const digests = Array.from({ length: 3 }, (_, index) => digestOf(`refused ${index}`))
  database.exec("CREATE TRIGGER refuse BEFORE INSERT ON blob BEGIN SELECT RAISE(ABORT, 'full'); END")
  const added = await Promise.allSettled(digests.map((digest) => ledger.add(digest, 1, () => undefined)))
  assert.deepEqual(
    added.map((one) => (one as { reason?: Error }).reason?.message),
    ['full', 'full', 'full'],
  )
  assert.equal(ledger.find(digests[0] as Digest), undefined)
  database.exec('DROP TRIGGER refuse')
  await ledger.add(digests[0] as Digest, 1, () => undefined)
  assert.equal(ledger.find(digests[0] as Digest)?.size, 1)
})

test('while another connection does not let go, nobody waits for the turns of others', async (t) => {
  const { openOther, ledger } = openLedger(t)
  const other = openOther()
  other.exec('BEGIN IMMEDIATE')
  let nowMs = 0
  // Each look at the clock is a second after the one before.
  t.mock.method(performance, 'now', () => (nowMs += 1_000))
  const digests = Array.from({ length: 200 }, (_, index) => digestOf(`waiting ${index}`))
  const added = await Promise.allSettled(digests.map((digest) => ledger.add(digest, 1, () => undefined)))
  const waitedMs = nowMs
  assert.ok(added.every(({ status }) => status === 'rejected'))
  // They have all come before the first of them were tried.
  assert.ok(waitedMs < 40_000, `${waitedMs} ms`)
  other.exec('ROLLBACK')
  await ledger.add(digests[0] as Digest, 1, () => undefined)
  assert.equal(ledger.find(digests[0] as Digest)?.size, 1)
})
