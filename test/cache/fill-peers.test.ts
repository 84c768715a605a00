import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { PinyonError } from '../../src/model/errors.ts'
import { digestOf } from '../../src/model/digest.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { readWhole } from '../contract/blob-store.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { failureOf, finish, openFills } from './fills.ts'
import { COUNTS_FILES, waitForOpenFiles } from './open-files.ts'
import { createPlace } from './place.ts'
import { createSource, ScriptedBody, wholeBody } from './scripted-body.ts'

// Claims of one place, opened twice, are to each other what those of two processes are.

const CONTENT = seededBytes('shared', 300_000)
const EXPECTED = { digest: digestOf(CONTENT), size: CONTENT.length }
const WRONG = Buffer.from(CONTENT)
WRONG[100] = ~(CONTENT[100] ?? 0) & 0xff

describe('a fill that another process does', () => {
  test('is followed as it grows, and asked for once', COUNTS_FILES, async (t) => {
    const place = createPlace(t)
    const [filling, following] = [await openFills(t, place), await openFills(t, place)]
    const body = new ScriptedBody().push(CONTENT.subarray(0, 1_000))
    const [source, unused] = [createSource(body), createSource()]
    const first = filling.fills.read(EXPECTED, source.open, 'a').reader
    await source.asked(1)
    const readers = Array.from({ length: 20 }, () => following.fills.read(EXPECTED, unused.open, 'a').reader)
    for (const reader of readers) assertBytes(await readWhole(reader, 1_000), CONTENT.subarray(0, 1_000))
    body.push(CONTENT.subarray(1_000, 200_000))
    await readers[0]?.read(Buffer.alloc(1), 199_999)
    body.push(CONTENT.subarray(200_000)).end()
    const all = await Promise.all([first, ...readers].map((reader) => finish(reader, EXPECTED.size)))
    for (const bytes of all) assertBytes(bytes, CONTENT)
    await Promise.all([filling.ended(1), following.ended(1)])
    assert.deepEqual([source.attempts, unused.attempts], [[0], []])
    await waitForOpenFiles(place.layout.blobs, 0)
  })

  test('and that fails is begun by the one who followed', async (t) => {
    const place = createPlace(t)
    const [filling, following] = [await openFills(t, place), await openFills(t, place)]
    const body = new ScriptedBody().push(CONTENT.subarray(0, 1_000))
    const source = createSource(body)
    const failing = filling.fills.read(EXPECTED, source.open, 'a').reader
    await source.asked(1)
    const reader = following.fills.read(EXPECTED, createSource(wholeBody(CONTENT)).open, 'a').reader
    await readWhole(reader, 1_000)
    const failed = failureOf(failing)
    body.fail(new PinyonError('UPSTREAM_GONE', 'gone'))
    assert.equal(await failed, 'UPSTREAM_GONE')
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    await following.ended(1)
    assert.deepEqual([following.ends, place.temporaries()], [['stored'], []])
  })

  test('fails who read a wrong copy of it, however late they look again', async (t) => {
    const place = createPlace(t)
    const [filling, following] = [await openFills(t, place), await openFills(t, place)]
    const [wrong, right] = [new ScriptedBody().push(WRONG.subarray(0, 1_000)), new ScriptedBody()]
    const source = createSource(wrong, right)
    const first = filling.fills.read(EXPECTED, source.open, 'a').reader
    await source.asked(1)
    const read = () => following.fills.read(EXPECTED, createSource().open, 'a').reader
    const [late, witness] = [read(), read()]
    await readWhole(late, 1_000)
    wrong.end()
    await source.asked(2)
    right.push(CONTENT.subarray(0, 200_000))
    // The second copy has been followed for a while, and the blob itself is the third one that the late reader sees.
    await witness.read(Buffer.alloc(1), 199_999)
    right.push(CONTENT.subarray(200_000)).end()
    await following.ended(1)
    assert.equal(await failureOf(late), 'DIGEST_MISMATCH')
    assertBytes(await finish(witness, EXPECTED.size), CONTENT)
    assertBytes(await finish(first, EXPECTED.size), CONTENT)
  })

  test('lets who read an early copy go on with a later one though one between was short', async (t) => {
    const place = createPlace(t)
    const [filling, following] = [await openFills(t, place), await openFills(t, place)]
    const [cut, shorter] = [new ScriptedBody().push(CONTENT.subarray(0, 1_000)), new ScriptedBody()]
    const source = createSource(cut, shorter)
    const first = filling.fills.read(EXPECTED, source.open, 'a').reader
    await source.asked(1)
    const own = createSource(wholeBody(CONTENT))
    const [late, witness] = [0, 1].map(() => following.fills.read(EXPECTED, own.open, 'a').reader)
    assert.ok(late && witness)
    await readWhole(late, 1_000)
    const failed = failureOf(first)
    cut.fail(new PinyonError('UPSTREAM_SHORT', 'cut'))
    await source.asked(2)
    shorter.push(CONTENT.subarray(0, 10))
    // The copy between is followed once somebody new sees no more than its ten bytes.
    for (let count = 1_000; count > 10; await nextTurn()) {
      const newcomer = following.fills.read(EXPECTED, own.open, 'a').reader
      count = await newcomer.read(Buffer.alloc(1_000), 0)
      newcomer.release()
    }
    shorter.fail(new PinyonError('UPSTREAM_SHORT', 'cut'))
    assert.equal(await failed, 'UPSTREAM_SHORT')
    assertBytes(await finish(late, EXPECTED.size), CONTENT)
    assertBytes(await finish(witness, EXPECTED.size), CONTENT)
    assert.deepEqual(own.attempts, [0])
  })

  for (const sent of [1_000, 0])
    test(`and that stops after ${sent} bytes is done here as well, and cuts nobody off`, async (t) => {
      let offsetMs = 0
      const now = performance.now.bind(performance)
      t.mock.method(performance, 'now', () => now() + offsetMs)
      const place = createPlace(t)
      const [filling, following] = [await openFills(t, place), await openFills(t, place)]
      const body = new ScriptedBody().push(CONTENT.subarray(0, sent))
      const source = createSource(body)
      const first = filling.fills.read(EXPECTED, source.open, 'a').reader
      await source.asked(1)
      const own = createSource(wholeBody(CONTENT))
      const reader = following.fills.read(EXPECTED, own.open, 'a').reader
      if (sent > 0) await readWhole(reader, sent)
      offsetMs += 14_000
      for (let turn = 0; turn < 100; turn += 1) await nextTurn()
      assert.deepEqual(own.attempts, [], 'its source may stall, and it asks another')
      offsetMs += 2_000
      assertBytes(await finish(reader, EXPECTED.size), CONTENT)
      await following.ended(1)
      assert.deepEqual([own.attempts, following.ends], [[0], ['stored']])
      // The other process goes on after all.
      body.push(CONTENT.subarray(sent)).end()
      assertBytes(await finish(first, EXPECTED.size), CONTENT)
      await filling.ended(1)
      assert.deepEqual([filling.ends, place.temporaries()], [['stored'], []])
    })

  test('is left when the server stops', async (t) => {
    const place = createPlace(t)
    const [filling, following] = [await openFills(t, place), await openFills(t, place)]
    const source = createSource(new ScriptedBody().push(CONTENT.subarray(0, 10)))
    const first = filling.fills.read(EXPECTED, source.open, 'a').reader
    await source.asked(1)
    const reader = following.fills.read(EXPECTED, createSource().open, 'a').reader
    await readWhole(reader, 10)
    const failed = failureOf(reader)
    await following.fills.close()
    assert.equal(await failed, 'SHUTTING_DOWN')
    assert.equal(filling.fills.size, 1)
    await filling.fills.close()
    assert.equal(await failureOf(first), 'SHUTTING_DOWN')
    assert.deepEqual(place.temporaries(), [])
  })
})
