import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import type { FillReader } from '../../src/cache/fill-reader.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { digestOf } from '../../src/model/digest.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { readWhole } from '../contract/blob-store.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { failureOf, finish, openFills, type FillPeer } from './fills.ts'
import { createPlace, type Place } from './place.ts'
import { createSource, ScriptedBody, wholeBody, type ScriptedSource } from './scripted-body.ts'

const CONTENT = seededBytes('right', 300_000)
const EXPECTED = { digest: digestOf(CONTENT), size: CONTENT.length }
/** Where the wrong copy differs. */
const WRONG_AT = 150_000
const WRONG = Buffer.from(CONTENT)
WRONG[WRONG_AT] = ~(CONTENT[WRONG_AT] ?? 0) & 0xff

interface Setup extends FillPeer {
  readonly place: Place
  readonly source: ScriptedSource
  readonly read: () => FillReader
}

async function setUp(t: TestContext, ...bodies: readonly (ScriptedBody | Error)[]): Promise<Setup> {
  const place = createPlace(t)
  const peer = await openFills(t, place)
  const source = createSource(...bodies)
  return { ...peer, place, source, read: () => peer.fills.read(EXPECTED, source.open, 'a').reader }
}

describe('a wrong copy, then a right one', () => {
  test('gives those who got nothing right bytes only', async (t) => {
    const { read, source, ends, ended } = await setUp(t, wholeBody(WRONG), wholeBody(CONTENT))
    const readers = [read(), read()]
    await ended(1)
    for (const reader of readers) assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    assert.deepEqual([source.attempts, ends], [[0, 1], ['stored']])
  })

  test('fails those who got the wrong part, and those alone', async (t) => {
    const first = new ScriptedBody().push(WRONG)
    const second = new ScriptedBody()
    const { read } = await setUp(t, first, second)
    const [wrong, before, ranged, none] = [read(), read(), read(), read()]
    await readWhole(wrong, WRONG_AT + 1)
    assertBytes(await readWhole(before, WRONG_AT), CONTENT.subarray(0, WRONG_AT))
    await ranged.read(Buffer.alloc(10), WRONG_AT + 1_000)
    first.end()
    await second.begun
    // Both wait here: whether they may go on is not known before the second copy has come so far.
    const outcomes = [
      failureOf(wrong),
      finish(before, EXPECTED.size),
      failureOf(ranged),
      finish(none, EXPECTED.size),
    ]
    second.push(CONTENT.subarray(0, 1_000), CONTENT.subarray(1_000, 200_000), CONTENT.subarray(200_000)).end()
    const [wrongEnd, beforeBytes, rangedEnd, noneBytes] = await Promise.all(outcomes)
    assert.deepEqual([wrongEnd, rangedEnd], ['DIGEST_MISMATCH', 'DIGEST_MISMATCH'])
    for (const bytes of [beforeBytes, noneBytes]) assertBytes(bytes as Buffer, CONTENT)
  })

  test('waits for the second copy to agree before it goes on', async (t) => {
    const first = new ScriptedBody().push(WRONG.subarray(0, 100_000))
    const second = new ScriptedBody()
    const { read } = await setUp(t, first, second)
    const reader = read()
    await readWhole(reader, 100_000)
    first.fail(new PinyonError('UPSTREAM_SHORT', 'cut'))
    await second.begun
    let come = false
    const next = reader.read(Buffer.alloc(100), 50_000).then((count) => {
      come = true
      return count
    })
    second.push(CONTENT.subarray(0, 99_999))
    await readWhole(read(), 99_999)
    assert.equal(come, false)
    second.push(CONTENT.subarray(99_999)).end()
    assert.equal(await next, 100)
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
  })

  test('fails at the end who got more than there is', async (t) => {
    const longer = Buffer.concat([CONTENT, Buffer.alloc(1_000)])
    const place = createPlace(t)
    const { fills } = await openFills(t, place)
    const first = new ScriptedBody().push(longer)
    const source = createSource(first, wholeBody(CONTENT))
    const { reader } = fills.read({ digest: EXPECTED.digest }, source.open, 'a')
    await readWhole(reader, longer.length)
    first.end()
    await assert.rejects(reader.verified(), { code: 'DIGEST_MISMATCH' })
    await assert.rejects(reader.read(Buffer.alloc(1), longer.length), { code: 'DIGEST_MISMATCH' })
    reader.release()
  })
})

describe('a copy that ends early, then', () => {
  for (const [how, first] of [
    ['ends', () => wholeBody(CONTENT.subarray(0, WRONG_AT))],
    [
      'breaks',
      () =>
        new ScriptedBody()
          .push(CONTENT.subarray(0, WRONG_AT))
          .fail(new PinyonError('UPSTREAM_TIMEOUT', 'late')),
    ],
  ] as const) {
    test(`a whole one: readers notice nothing when it ${how}`, async (t) => {
      const { read, source, ends, ended } = await setUp(t, first(), wholeBody(CONTENT))
      const readers = [read(), read()]
      assert.ok(readers[0])
      await readWhole(readers[0], WRONG_AT)
      for (const reader of readers) assertBytes(await finish(reader, EXPECTED.size), CONTENT)
      await ended(1)
      assert.deepEqual([source.attempts, ends], [[0, 1], ['stored']])
    })
  }

  test('one that is longer than listed fails', async (t) => {
    const longer = Buffer.concat([CONTENT, Buffer.alloc(1)])
    const { read, ends, ended, place } = await setUp(t, wholeBody(CONTENT.subarray(1)), wholeBody(longer))
    assert.equal(await failureOf(read()), 'UPSTREAM_OVERSIZE')
    await ended(1)
    assert.deepEqual([ends, place.temporaries()], [['UPSTREAM_OVERSIZE'], []])
  })
})

describe('two failures', () => {
  test('fail every reader, store nothing, and leave the next reader a fresh fill', async (t) => {
    const { read, fills, blobs, place, ends, ended, source } = await setUp(
      t,
      wholeBody(WRONG),
      wholeBody(WRONG),
    )
    const readers = [read(), read(), read()]
    assert.deepEqual(await Promise.all(readers.map(failureOf)), Array(3).fill('DIGEST_MISMATCH'))
    await ended(1)
    assert.deepEqual(
      [source.attempts, ends, place.temporaries(), fills.size],
      [[0, 1], ['DIGEST_MISMATCH'], [], 0],
    )
    assert.equal(await blobs.open(EXPECTED.digest), undefined)
    const { reader, outcome } = fills.read(EXPECTED, createSource(wholeBody(CONTENT)).open, 'a')
    assert.equal(outcome, 'fill')
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
  })

  test('tell of the second', async (t) => {
    const { read, ended, ends } = await setUp(t, wholeBody(WRONG), new PinyonError('UPSTREAM_GONE', 'gone'))
    const reader = read()
    await readWhole(reader, 1_000)
    assert.equal(await failureOf(reader), 'UPSTREAM_GONE')
    await ended(1)
    assert.deepEqual(ends, ['UPSTREAM_GONE'])
  })
})

test('a source that fails before a body is not asked again by the fill', async (t) => {
  const trouble = new PinyonError('UPSTREAM_UNREACHABLE', 'no')
  const { read, source, ends, ended, place } = await setUp(t, trouble, wholeBody(CONTENT))
  assert.equal(await failureOf(read()), 'UPSTREAM_UNREACHABLE')
  await ended(1)
  assert.deepEqual([source.attempts, ends, place.temporaries()], [[0], ['UPSTREAM_UNREACHABLE'], []])
})

test('what is thrown at a fill by mistake is an internal failure, and is not tried again', async (t) => {
  const body = new ScriptedBody().push(CONTENT.subarray(0, 10)).fail(new TypeError('a bug'))
  const { read, source } = await setUp(t, body, wholeBody(CONTENT))
  assert.equal(await failureOf(read()), 'STORE_FAILED')
  assert.deepEqual(source.attempts, [0])
})
