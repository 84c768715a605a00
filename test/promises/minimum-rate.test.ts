import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { BlobStore, BlobWriter } from '../../src/cache/blob-store.ts'
import { FillTable } from '../../src/cache/fill-table.ts'
import type { FillBody } from '../../src/cache/source-race.ts'
import { bodyChunks, HOLD_BACK_BYTES, LAST_BYTES } from '../../src/http/body-chunks.ts'
import { planWhole } from '../../src/http/body-plan.ts'
import { digestOf, type Digest } from '../../src/model/digest.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { ChunkPool } from '../../src/cache/chunk-pool.ts'
import type { Body } from '../../src/proxy/body.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

// A client that waits while a file is fetched once more, since its source lied, stays connected: see model/minimum-rate.ts.

/** dnf and yum: fewer bytes a second than this, over so many seconds, end a transfer. */
const MIN_RATE = 1_000
const WINDOW_SECONDS = 30

/** A blob in memory. */
function createWriter(digest: Digest): BlobWriter {
  const chunks: Uint8Array[] = []
  let bytes = Buffer.alloc(0)
  const whole = () => (bytes = chunks.length === 0 ? bytes : Buffer.concat([bytes, ...chunks.splice(0)]))
  let written = 0
  const write = async (chunk: Uint8Array) => {
    chunks.push(Buffer.from(chunk))
    written += chunk.length
  }
  return {
    location: 'memory',
    get written() {
      return written
    },
    write,
    append: write,
    read: async (target, position) => whole().copy(target, 0, position, position + target.length),
    verify: () => {
      if (digestOf(whole()) !== digest) throw new PinyonError('DIGEST_MISMATCH', 'other bytes')
    },
    publish: async () => undefined,
    discard: async () => undefined,
    close: async () => undefined,
  }
}

/** A store in memory: the clock of these tests stands still while a disk works. */
const MEMORY_STORE: BlobStore = {
  open: async () => undefined,
  create: async ({ digest }) => createWriter(digest),
  keep: async () => undefined,
  openPartial: async () => undefined,
  remove: async () => false,
}

interface Transfer {
  readonly content: Buffer
  /** Bytes a second of each copy. */
  readonly rates: readonly number[]
  /** Where a byte of each copy but the last is wrong; a place that is not there: of none. */
  readonly wrongAt: number
  /** Whether the body knows how fast it comes: without, it is held back as it was before. */
  readonly isKnown?: boolean
}

/** What a client got: bytes by the end of each second, and how it ended. */
interface Received {
  readonly bytes: Buffer
  readonly bySecond: readonly number[]
  readonly error: unknown
}

/** Runs a transfer by a clock that is moved on second by second. */
async function transfer(t: TestContext, wanted: Transfer): Promise<Received> {
  const { content, rates, wrongAt, isKnown = true } = wanted
  let nowMs = 0
  t.mock.method(performance, 'now', () => nowMs)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  async function* send(rate: number, wrong: number): FillBody {
    const bytes = Buffer.from(content)
    if (wrong !== 0) bytes[wrongAt] = (bytes[wrongAt] ?? 0) ^ wrong
    for (let at = 0; at < bytes.length; at += rate) {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      yield bytes.subarray(at, at + rate)
    }
  }
  const claims = {
    tryClaim: () => ({ note: () => undefined, release: () => undefined }),
    find: () => undefined,
  }
  const fills = new FillTable({ blobs: MEMORY_STORE, claims: claims as never })
  let copies = 0
  const open = async () => {
    copies += 1
    return send(rates[copies - 1] ?? 0, copies < rates.length ? copies : 0)
  }
  const expected = { digest: digestOf(content), size: content.length }
  const { reader } = fills.read(expected, Object.assign(open, { places: rates.length }), 'source')
  const body: Body = {
    outcome: 'fill',
    size: content.length,
    complete: false,
    ...(isKnown ? { bytesPerSecond: () => reader.bytesPerSecond() } : {}),
    read: (target, position) => reader.read(target, position),
    verified: () => reader.verified(),
    release: () => reader.release(),
  }
  const chunks: Buffer[] = []
  const pool = new ChunkPool()
  let received = 0
  let error: unknown
  let isOver = false
  const client = (async () => {
    for await (const chunk of bodyChunks(body, planWhole(content.length, 'application/x-rpm'), pool)) {
      chunks.push(Buffer.from(chunk))
      received += chunk.length
    }
  })()
    .catch((thrown: unknown) => (error = thrown))
    .finally(() => (isOver = true))
  const bySecond: number[] = []
  await settled(() => received)
  while (!isOver) {
    nowMs += 1_000
    t.mock.timers.tick(1_000)
    await settled(() => received)
    bySecond.push(received)
  }
  await client
  reader.release()
  t.mock.timers.reset()
  t.mock.restoreAll()
  return { bytes: Buffer.concat(chunks), bySecond, error }
}

/** Waits until nothing more comes of a step: everything here but the clock is done in turns of the event loop. */
async function settled(count: () => number): Promise<void> {
  for (let quiet = 0, seen = count(); quiet < 25; quiet = count() === seen ? quiet + 1 : 0) {
    seen = count()
    await nextTurn()
  }
}

/** Fewest bytes that came within any window, from the first byte on. */
function slowest({ bySecond }: Received): number {
  const from = bySecond.findIndex((bytes) => bytes > 0)
  const windows = bySecond.slice(from, -WINDOW_SECONDS)
  return Math.min(...windows.map((bytes, at) => (bySecond[from + at + WINDOW_SECONDS] ?? 0) - bytes))
}

/** What libcurl does after `--speed-limit 1000 --speed-time 30`: whether the mean of five seconds is below that for so long. */
function isGivenUp({ bySecond }: Received): boolean {
  const from = bySecond.findIndex((bytes) => bytes > 0)
  let below = 0
  for (let second = from + 5; second < bySecond.length; second += 1) {
    const mean = ((bySecond[second] ?? 0) - (bySecond[second - 5] ?? 0)) / 5
    below = mean < MIN_RATE ? below + 1 : 0
    if (below >= WINDOW_SECONDS) return true
  }
  return false
}

describe('while a file is fetched once more, its client', () => {
  const cases: readonly (readonly [rates: readonly number[], size: number])[] = [
    [[6_000, 6_000], 1_200_000],
    [[20_000, 20_000], 3_000_000],
    [[20_000, 10_000], 3_000_000],
    [[100_000, 50_000], 12_000_000],
    [[100_000, 100_000, 100_000], 6_000_000],
    [[1_000_000, 600_000], 24_000_000],
  ]
  for (const [rates, size] of cases)
    test(`never gets less than its minimum rate, and then the right end: ${rates.join(', then ')} bytes/s`, async (t) => {
      const content = seededBytes('rate', size)
      const received = await transfer(t, { content, rates, wrongAt: size - 1 })
      assert.equal(received.error, undefined)
      assertBytes(received.bytes, content)
      const least = slowest(received)
      assert.ok(least >= MIN_RATE * WINDOW_SECONDS, `${least} bytes within ${WINDOW_SECONDS} s`)
      const seconds = rates.reduce((sum, rate) => sum + size / rate, 0)
      assert.ok(received.bySecond.length <= seconds + 5, 'and it is over when that has come')
    })

  // A second copy that comes much slower, and further ones after it that is wrong as well.
  const long: readonly (readonly [rates: readonly number[], size: number])[] = [
    [[20_000, 4_000], 1_000_000],
    [[20_000, 20_000, 20_000], 3_000_000],
    [[100_000, 13_000], 6_000_000],
    [[100_000, 50_000, 25_000], 6_000_000],
    [[100_000, 50_000, 50_000, 50_000], 6_000_000],
    [[1_000_000, 130_000], 24_000_000],
    [[6_000, 2_500], 600_000],
    [[6_000, 6_000, 6_000], 600_000],
  ]
  for (const [rates, size] of long)
    test(`is not given up by libcurl, however long that takes: ${rates.join(', then ')} bytes/s`, async (t) => {
      const content = seededBytes('rate', size)
      const received = await transfer(t, { content, rates, wrongAt: size - 1 })
      assert.equal(received.error, undefined)
      assertBytes(received.bytes, content)
      assert.ok(!isGivenUp(received))
    })

  test('would be given up without that', async (t) => {
    const content = seededBytes('rate', 600_000)
    const received = await transfer(t, { content, rates: [20_000, 4_000], wrongAt: 599_999, isKnown: false })
    assert.ok(isGivenUp(received))
  })

  test('would fall below it without that', async (t) => {
    const content = seededBytes('rate', 3_000_000)
    const received = await transfer(t, {
      content,
      rates: [20_000, 20_000],
      wrongAt: 2_999_999,
      isKnown: false,
    })
    assert.equal(slowest(received), 0)
  })

  test('never gets all of what was wrong, wherever that is', async (t) => {
    const size = 1_200_000
    const content = seededBytes('rate', size)
    for (const fromEnd of [1, LAST_BYTES, LAST_BYTES + 1, HOLD_BACK_BYTES, 500_000, size]) {
      const received = await transfer(t, { content, rates: [6_000, 6_000], wrongAt: size - fromEnd })
      if (received.error === undefined) assertBytes(received.bytes, content)
      else assert.ok(received.bytes.length <= size - LAST_BYTES)
      if (fromEnd <= LAST_BYTES) assert.equal(received.error, undefined)
    }
  })

  test('gets the end at once where nothing was wrong: no more is held back of what comes fast', async (t) => {
    const content = seededBytes('rate', 10_000_000)
    const received = await transfer(t, { content, rates: [4_000_000, 1], wrongAt: -1 })
    assertBytes(received.bytes, content)
    assert.ok((received.bySecond[1] ?? 0) >= 8_000_000 - HOLD_BACK_BYTES)
    assert.ok(received.bySecond.length <= 4, received.bySecond.join(' '))
  })
})
