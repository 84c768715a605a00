import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { BlobStore } from '../../src/cache/blob-store.ts'
import type { FillReader } from '../../src/cache/fill-reader.ts'
import type { FillSource } from '../../src/cache/source-race.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { digestOf } from '../../src/model/digest.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { readWhole } from '../contract/blob-store.ts'
import { gate, type Gate } from '../support/gate.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { failureOf, finish, openFills, type FillPeer, type FillPeerOptions } from './fills.ts'
import { createPlace } from './place.ts'
import { createSource, ScriptedBody, wholeBody } from './scripted-body.ts'

const CONTENT = seededBytes('raced', 100_000)
const EXPECTED = { digest: digestOf(CONTENT), size: CONTENT.length }
const WRONG = Buffer.from(CONTENT)
WRONG[50_000] = ~(CONTENT[50_000] ?? 0) & 0xff
/** What the fill waits before it asks another source, in milliseconds. */
const HEDGE_MS = 5_000

const GONE = new PinyonError('UPSTREAM_GONE', 'gone')
const TROUBLE = new PinyonError('UPSTREAM_STATUS', 'answered: 503')

/** A source that gives no body until it is told to, and how it was treated. */
interface HeldSource {
  readonly open: FillSource
  readonly asked: Promise<void>
  /** Ends the waiting. */
  readonly settle: PromiseWithResolvers<AsyncIterable<Uint8Array>>
  readonly attempts: number[]
  aborted: boolean
}

/** @param heedsAbort whether an abort ends the waiting, as it does with every source that behaves */
function holdSource(heedsAbort = true): HeldSource {
  const asked = gate()
  const settle = Promise.withResolvers<AsyncIterable<Uint8Array>>()
  const source: HeldSource = {
    asked: asked.opened,
    settle,
    attempts: [],
    aborted: false,
    open: (attempt, signal) => {
      source.attempts.push(attempt)
      signal.addEventListener('abort', () => {
        source.aborted = true
        if (heedsAbort) settle.reject(signal.reason)
      })
      asked.open()
      return settle.promise
    },
  }
  return source
}

type Setup = FillPeer & { readonly read: (source: { open: FillSource }, origin: string) => FillReader }

/** Fills under a clock that stands still until it is told to go on. */
async function setUp(t: TestContext, options: FillPeerOptions = {}): Promise<Setup> {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const peer = await openFills(t, createPlace(t), options)
  return { ...peer, read: (source, origin) => peer.fills.read(EXPECTED, source.open, origin).reader }
}

describe('a source that hangs', () => {
  test('is raced by that of a client that joins in time, and is let go', async (t) => {
    const { read, ended, ends } = await setUp(t)
    const [hanging, healthy] = [holdSource(), createSource(wholeBody(CONTENT))]
    const first = read(hanging, 'a')
    await hanging.asked
    const second = read(healthy, 'b')
    t.mock.timers.tick(HEDGE_MS - 1)
    assert.deepEqual(healthy.attempts, [])
    t.mock.timers.tick(1)
    for (const reader of [first, second]) assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    await ended(1)
    assert.deepEqual(
      [hanging.attempts, healthy.attempts, hanging.aborted, ends],
      [[0], [0], true, ['stored']],
    )
  })

  test('is raced at once by that of a client that joins when it is late already', async (t) => {
    const { read } = await setUp(t)
    const [hanging, healthy] = [holdSource(), createSource(wholeBody(CONTENT))]
    const first = read(hanging, 'a')
    await hanging.asked
    t.mock.timers.tick(HEDGE_MS)
    const second = read(healthy, 'b')
    for (const reader of [first, second]) assertBytes(await finish(reader, EXPECTED.size), CONTENT)
  })

  test('may still win: the other one is let go, whatever it then does', async (t) => {
    const { read, ended } = await setUp(t)
    for (const heedsAbort of [true, false]) {
      const [slow, loser] = [holdSource(), holdSource(heedsAbort)]
      const reader = read(slow, 'a')
      read(loser, 'b').release()
      await slow.asked
      t.mock.timers.tick(HEDGE_MS)
      await loser.asked
      const body = new ScriptedBody().push(CONTENT)
      slow.settle.resolve(body)
      await reader.read(Buffer.alloc(1), 0)
      assert.deepEqual([slow.aborted, loser.aborted], [false, true])
      const late = holdBody()
      loser.settle.resolve(late.body)
      if (!heedsAbort) await late.givenUp
      body.fail(GONE)
      assert.equal(await failureOf(reader), 'UPSTREAM_GONE')
      await ended(heedsAbort ? 1 : 2)
    }
  })

  test('does not outlive the stop of the server, nor does a further one begin', async (t) => {
    const { read, fills } = await setUp(t)
    const [first, second, third] = [holdSource(), holdSource(), createSource()]
    const readers = [read(first, 'a'), read(second, 'b'), read(third, 'c')]
    await first.asked
    t.mock.timers.tick(HEDGE_MS)
    await second.asked
    const failures = readers.map(failureOf)
    await fills.close()
    assert.deepEqual(await Promise.all(failures), Array(3).fill('SHUTTING_DOWN'))
    assert.deepEqual([first.aborted, second.aborted, third.attempts], [true, true, []])
  })
})

describe('a source that answers', () => {
  test('is the only one asked', async (t) => {
    const { read, ended } = await setUp(t)
    const [source, other] = [holdSource(), createSource()]
    const readers = [read(source, 'a'), read(source, 'a'), read(other, 'b')]
    await source.asked
    t.mock.timers.tick(HEDGE_MS - 1)
    const body = new ScriptedBody().push(CONTENT.subarray(0, 1_000))
    source.settle.resolve(body)
    await readers[0]?.read(Buffer.alloc(1), 0)
    t.mock.timers.tick(10 * HEDGE_MS)
    body.push(CONTENT.subarray(1_000)).end()
    for (const reader of readers) assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    await ended(1)
    assert.deepEqual([source.attempts, other.attempts], [[0], []])
  })

  test('leaves no timer behind', async (t) => {
    const { fills, ended } = await openFills(t, createPlace(t))
    const before = countTimers()
    const source = holdSource()
    const { reader } = fills.read(EXPECTED, source.open, 'a')
    await source.asked
    assert.equal(countTimers(), before + 1)
    source.settle.resolve(wholeBody(CONTENT))
    await finish(reader, EXPECTED.size)
    await ended(1)
    const failing = { digest: digestOf('failing') }
    assert.equal(await failureOf(fills.read(failing, createSource(GONE).open, 'a').reader), 'UPSTREAM_GONE')
    assert.equal(countTimers(), before)
  })

  test('with wrong bytes is followed by another one, which begins with its first attempt', async (t) => {
    const { read, ended } = await setUp(t)
    const [wrong, right] = [createSource(wholeBody(WRONG)), createSource(wholeBody(CONTENT))]
    const readers = [read(wrong, 'a'), read(right, 'b')]
    await ended(1)
    for (const reader of readers) assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    assert.deepEqual([wrong.attempts, right.attempts], [[0], [0]])
  })

  for (const winner of ['the first', 'the second'] as const) {
    test(`with wrong bytes is followed by the one it was faster than: ${winner} won`, async (t) => {
      const { read, ended } = await setUp(t)
      const [slow, wrong] = [createSlowSource(wholeBody(CONTENT)), createSlowSource()]
      const [first, second] = winner === 'the first' ? [wrong, slow] : [slow, wrong]
      const reader = read(first, 'a')
      read(second, 'b').release()
      await first.held.asked
      t.mock.timers.tick(HEDGE_MS)
      await second.held.asked
      wrong.held.settle.resolve(wholeBody(WRONG))
      await ended(1)
      assertBytes(await finish(reader, EXPECTED.size), CONTENT)
      assert.deepEqual([slow.attempts, wrong.attempts], [[0, 1], [0]])
    })
  }

  test('with wrong bytes twice is followed by one that came meanwhile', async (t) => {
    const { read, ended, ends } = await setUp(t)
    const second = new ScriptedBody()
    const [wrong, right] = [createSource(wholeBody(WRONG), second), createSource(wholeBody(CONTENT))]
    read(wrong, 'a').release()
    await wrong.asked(2)
    const reader = read(right, 'b')
    second.push(WRONG).end()
    await ended(1)
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    assert.deepEqual([wrong.attempts, right.attempts, ends], [[0, 1], [0], ['stored']])
  })
})

describe('a source that fails', () => {
  for (const failure of [GONE, TROUBLE, new PinyonError('MIRROR_UNCONFIGURED', 'no such mirror')]) {
    test(`is followed by the next one without a wait: ${failure.code}`, async (t) => {
      const { read } = await setUp(t)
      const [failing, healthy] = [createSource(failure), createSource(wholeBody(CONTENT))]
      const readers = [read(failing, 'a'), read(healthy, 'b'), read(createSource(), 'b')]
      for (const reader of readers) assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    })
  }

  test('beside one that hangs leaves the race to a third', async (t) => {
    const { read } = await setUp(t)
    const [hanging, healthy] = [holdSource(), createSource(wholeBody(CONTENT))]
    const reader = read(hanging, 'a')
    read(createSource(TROUBLE), 'b').release()
    await hanging.asked
    t.mock.timers.tick(HEDGE_MS)
    await nextTurn()
    read(healthy, 'c').release()
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
  })

  test('as all others do ends the fill with the last trouble rather than with an absence', async (t) => {
    const { read, ended, ends } = await setUp(t)
    const unreachable = new PinyonError('UPSTREAM_UNREACHABLE', 'no')
    const cases = [
      [[TROUBLE, GONE], 'UPSTREAM_STATUS'],
      [[GONE, TROUBLE], 'UPSTREAM_STATUS'],
      [[TROUBLE, unreachable, GONE], 'UPSTREAM_UNREACHABLE'],
      [[GONE, GONE], 'UPSTREAM_GONE'],
    ] as const
    for (const [index, [failures, code]] of cases.entries()) {
      const sources = failures.map((failure) => createSource(failure))
      const readers = sources.map((source, origin) => read(source, `${origin}`))
      // The same ones again are no further sources.
      for (const [origin, source] of sources.entries()) read(source, `${origin}`).release()
      assert.deepEqual(await Promise.all(readers.map(failureOf)), Array(failures.length).fill(code))
      await ended(index + 1)
      assert.ok(sources.every(({ attempts }) => attempts.length === 1))
      assert.equal(ends[index], code)
    }
  })

  test('is followed by one that comes while its attempt is cleaned up', async (t) => {
    const [cleaning, goOn] = [gate(), gate()]
    const { read, ended, ends } = await setUp(t, { wrap: (blobs) => holdDiscard(blobs, cleaning, goOn) })
    const first = read(createSource(GONE), 'a')
    await cleaning.opened
    const second = read(createSource(wholeBody(CONTENT)), 'b')
    goOn.open()
    for (const reader of [first, second]) assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    await ended(1)
    assert.deepEqual(ends, ['stored'])
  })
})

describe('two listings of one digest with different sizes', () => {
  test('are two fills, one of which is right', async (t) => {
    const { fills, ended, ends } = await setUp(t)
    const [wrong, right] = [createSource(wholeBody(CONTENT), wholeBody(CONTENT)), holdSource()]
    const listedWrongly = { ...EXPECTED, size: EXPECTED.size - 1 }
    const readers = [fills.read(EXPECTED, right.open, 'a'), fills.read(listedWrongly, wrong.open, 'b')]
    assert.deepEqual(
      readers.map(({ outcome }) => outcome),
      ['fill', 'fill'],
    )
    assert.ok(readers[0] && readers[1])
    assert.equal(await failureOf(readers[1].reader), 'UPSTREAM_OVERSIZE')
    right.settle.resolve(wholeBody(CONTENT))
    assertBytes(await finish(readers[0].reader, EXPECTED.size), CONTENT)
    await ended(2)
    assert.deepEqual([ends, fills.size], [['UPSTREAM_OVERSIZE', 'stored'], 0])
  })

  test('are so between processes as well', async (t) => {
    const place = createPlace(t)
    const [misled, other] = [await openFills(t, place), await openFills(t, place)]
    const held = holdSource()
    const wrongly = misled.fills.read({ ...EXPECTED, size: EXPECTED.size + 1 }, held.open, 'a').reader
    await held.asked
    const { reader } = other.fills.read(EXPECTED, createSource(wholeBody(CONTENT)).open, 'b')
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    held.settle.reject(GONE)
    assert.equal(await failureOf(wrongly), 'UPSTREAM_GONE')
    await Promise.all([misled.ended(1), other.ended(1)])
  })
})

test('a fill reads on from another source where the first one broke off', async (t) => {
  const { read, ended } = await setUp(t)
  const broken = new ScriptedBody().push(CONTENT.subarray(0, 60_000))
  const reader = read(createSource(broken), 'a')
  await readWhole(reader, 60_000)
  read(createSource(wholeBody(CONTENT)), 'b').release()
  broken.fail(new PinyonError('UPSTREAM_TIMEOUT', 'late'))
  assertBytes(await finish(reader, EXPECTED.size), CONTENT)
  await ended(1)
})

function countTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
}

/** A body that tells when it is given up unread. */
function holdBody(): { readonly body: AsyncIterable<Uint8Array>; readonly givenUp: Promise<void> } {
  const given = gate()
  const end = () => {
    given.open()
    return Promise.resolve({ done: true as const, value: undefined })
  }
  return {
    givenUp: given.opened,
    body: { [Symbol.asyncIterator]: () => ({ next: end, return: end }) },
  }
}

/** A source whose first call hangs, and whose second one gives this body. */
function createSlowSource(body = new ScriptedBody()): {
  readonly open: FillSource
  readonly held: HeldSource
  readonly attempts: readonly number[]
} {
  const held = holdSource()
  const attempts: number[] = []
  return {
    held,
    attempts,
    open: async (attempt, signal) => {
      attempts.push(attempt)
      return attempts.length === 1 ? await held.open(attempt, signal) : body
    },
  }
}

/** A store whose writers tell when they are to be discarded, and then wait. */
function holdDiscard(blobs: BlobStore, begun: Gate, goOn: Gate): BlobStore {
  return {
    open: (digest) => blobs.open(digest),
    openPartial: (location) => blobs.openPartial(location),
    remove: (digest) => blobs.remove(digest),
    keep: (digest) => blobs.keep(digest),
    create: async (expected) => {
      const writer = await blobs.create(expected)
      const discard = writer.discard.bind(writer)
      return Object.assign(writer, {
        discard: async () => {
          begun.open()
          await goOn.opened
          await discard()
        },
      })
    },
  }
}
