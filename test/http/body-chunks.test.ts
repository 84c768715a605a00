import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import * as fc from 'fast-check'

import { ChunkPool } from '../../src/cache/chunk-pool.ts'
import { bodyChunks, HOLD_BACK_BYTES } from '../../src/http/body-chunks.ts'
import { isRange, planRanges, planWhole, type BodyPlan } from '../../src/http/body-plan.ts'
import type { Body } from '../../src/proxy/body.ts'
import { gate } from '../support/gate.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

const TYPE = 'application/x-rpm'
const POOL = new ChunkPool()

/** A body of which so many bytes are there, which is right once `verdict` resolves, and reads at most `piece` bytes at a time. */
function coming(
  file: Buffer,
  verdict: Promise<number>,
  piece = Infinity,
): Body & { farthest: number; lent: number } {
  const body = {
    outcome: 'fill' as const,
    size: file.length,
    complete: false,
    farthest: 0,
    read: async (target: Uint8Array, position: number) => {
      const count = file.copy(target, 0, position, Math.min(file.length, position + piece))
      body.farthest = Math.max(body.farthest, position + count)
      return count
    },
    // Of what comes piece by piece every other one is not in memory any more.
    lend: async (position: number, count: number) => {
      if (piece === Infinity || Math.floor(position / piece) % 2 === 0) return undefined
      const bytes = file.subarray(position, position + Math.min(piece, count))
      body.farthest = Math.max(body.farthest, position + bytes.length)
      body.lent += 1
      return { bytes, release: () => void (body.lent -= 1) }
    },
    lent: 0,
    verified: () => verdict,
    release: () => undefined,
  }
  return body
}

/** Takes what comes without waiting for the verdict: chunks are copied, since they are valid only until the next. */
async function takeUntilHeld(body: Body, plan: BodyPlan): Promise<{ taken: Buffer; rest: Promise<Buffer> }> {
  const taken: Buffer[] = []
  const rest: Buffer[] = []
  let sink = taken
  const all = (async () => {
    for await (const chunk of bodyChunks(body, plan, POOL)) sink.push(Buffer.from(chunk))
    return Buffer.concat(rest)
  })()
  all.catch(() => undefined)
  // Reads are answered at once, so nothing is still to come once nothing has come for a while of turns.
  for (let quiet = 0, seen = 0; quiet < 20; quiet = taken.length === seen ? quiet + 1 : 0) {
    seen = taken.length
    await nextTurn()
  }
  sink = rest
  return { taken: Buffer.concat(taken), rest: all }
}

/** The body that a plan of this file means. */
function render({ pieces }: BodyPlan, file: Buffer): Buffer {
  return Buffer.concat(
    pieces.map((at) => (isRange(at) ? file.subarray(at.start, at.end + 1) : Buffer.from(at))),
  )
}

describe('the bytes of a body', () => {
  test('end only after its digest is known to be right', async () => {
    const file = seededBytes('held back', 300_000)
    const verdict = gate()
    const body = coming(
      file,
      verdict.opened.then(() => file.length),
    )
    const { taken, rest } = await takeUntilHeld(body, planWhole(file.length, TYPE))
    assert.ok(taken.equals(file.subarray(0, file.length - HOLD_BACK_BYTES)))
    assert.equal(body.farthest, taken.length)
    verdict.open()
    assert.ok(Buffer.concat([taken, await rest]).equals(file))
  })

  test('are sent as they lie in memory, where they do, and are given back', async () => {
    const file = seededBytes('lent', 300_000)
    const body = coming(file, Promise.resolve(file.length), 50_000)
    const chunks = bodyChunks(body, planWhole(file.length, TYPE), POOL)
    const sent: Buffer[] = []
    for await (const chunk of chunks) {
      assert.equal(body.lent, chunk.buffer === file.buffer ? 1 : 0)
      sent.push(Buffer.from(chunk))
    }
    assert.deepEqual([Buffer.concat(sent), body.lent], [file, 0])
    const left = bodyChunks(body, planRanges([{ start: 50_000, end: 99_999 }], file.length, TYPE), POOL)
    await left.next()
    assert.equal(body.lent, 1)
    await left.return()
    assert.equal(body.lent, 0)
  })

  test('never come to their end when the right file has another size than was promised', async () => {
    const file = seededBytes('listed too short', 300_000)
    const body = coming(file, Promise.resolve(file.length))
    const { rest } = await takeUntilHeld(body, planWhole(250_000, TYPE))
    await assert.rejects(rest, {
      code: 'DIGEST_MISMATCH',
      message: 'listed with 250000 bytes, the file has: 300000',
    })
  })

  test('never come to their end when it is wrong', async () => {
    const file = seededBytes('wrong', 100_000)
    const verdict = gate()
    const wrong = verdict.opened.then(() => Promise.reject(new Error('wrong digest')))
    const { taken, rest } = await takeUntilHeld(coming(file, wrong), planWhole(file.length, TYPE))
    verdict.open()
    await assert.rejects(rest, /wrong digest/)
    assert.equal(taken.length, file.length - HOLD_BACK_BYTES)
  })

  test('do not begin before that when there are few', async () => {
    const file = seededBytes('small', HOLD_BACK_BYTES)
    const verdict = gate()
    const body = coming(
      file,
      verdict.opened.then(() => file.length),
    )
    const { taken, rest } = await takeUntilHeld(body, planWhole(file.length, TYPE))
    assert.deepEqual([taken.length, body.farthest], [0, 0])
    verdict.open()
    assert.deepEqual(await rest, file)
  })

  test('of ranges are held back at their end, wherever in the file it is', async () => {
    const file = seededBytes('ranges', 400_000)
    const verdict = gate()
    const ranges = [
      { start: 300_000, end: 320_000 },
      { start: 0, end: 30_000 },
      { start: 50_000, end: 50_099 },
    ]
    const plan = planRanges(ranges, file.length, TYPE)
    const body = coming(
      file,
      verdict.opened.then(() => file.length),
    )
    const { taken, rest } = await takeUntilHeld(body, plan)
    assert.ok(
      taken.length >= plan.contentLength - HOLD_BACK_BYTES - 200,
      `${taken.length} of ${plan.contentLength}`,
    )
    assert.ok(taken.length <= plan.contentLength - HOLD_BACK_BYTES)
    verdict.open()
    assert.equal(taken.length + (await rest).length, plan.contentLength)
  })

  test('fail when the body is shorter than planned', async () => {
    const file = seededBytes('short', 1_000)
    const body = { ...coming(file, Promise.resolve(1_000)), complete: true }
    const { rest } = await takeUntilHeld(body, planWhole(2_000, TYPE))
    await assert.rejects(rest, { code: 'BLOB_UNREADABLE' })
  })

  test('in memory are sent from there, the same as when they are read', async () => {
    const file = seededBytes('memory', 700_000)
    const read: Body = { ...coming(file, Promise.resolve(file.length)), outcome: 'hit', complete: true }
    const ranges = [
      { start: 10, end: 600_000 },
      { start: 0, end: 0 },
      { start: 699_990, end: 699_999 },
    ]
    for (const plan of [planWhole(file.length, TYPE), planRanges(ranges, file.length, TYPE)]) {
      const [fromFile, fromMemory]: [Buffer[], Buffer[]] = [[], []]
      let uncopied = 0
      for await (const chunk of bodyChunks(read, plan, POOL)) fromFile.push(Buffer.from(chunk))
      for await (const chunk of bodyChunks({ ...read, bytes: file }, plan, POOL)) {
        if (chunk.buffer === file.buffer) uncopied += chunk.length
        fromMemory.push(Buffer.from(chunk))
      }
      assert.equal(Buffer.compare(Buffer.concat(fromMemory), Buffer.concat(fromFile)), 0)
      assert.ok(uncopied > 500_000, `only ${uncopied} bytes`)
    }
  })

  for (const place of ['a file', 'memory'])
    test(`of hundreds of ranges of ${place} come together in few chunks`, async () => {
      const file = seededBytes('many', 700_000)
      const ranges = Array.from({ length: 500 }, (_, index) => ({
        start: index * 1_300,
        end: index * 1_300 + index,
      }))
      const plan = planRanges(ranges, file.length, TYPE)
      const read: Body = { ...coming(file, Promise.resolve(file.length)), outcome: 'hit', complete: true }
      const chunks: Buffer[] = []
      for await (const chunk of bodyChunks(place === 'memory' ? { ...read, bytes: file } : read, plan, POOL))
        chunks.push(Buffer.from(chunk))
      assert.deepEqual(Buffer.concat(chunks), render(plan, file))
      assert.ok(chunks.length <= 4, `${chunks.length} chunks`)
    })

  test('of many ranges that lie close together are read together', async () => {
    const file = seededBytes('close', 700_000)
    const ranges = Array.from({ length: 500 }, (_, index) => ({ start: index * 64, end: index * 64 + 9 }))
    const plan = planRanges(ranges, file.length, TYPE)
    let reads = 0
    const stored = coming(file, Promise.resolve(file.length))
    const read: Body['read'] = (target, position) => {
      reads += 1
      return stored.read(target, position)
    }
    const chunks: Buffer[] = []
    for await (const chunk of bodyChunks({ ...stored, outcome: 'hit', complete: true, read }, plan, POOL))
      chunks.push(Buffer.from(chunk))
    assert.deepEqual(Buffer.concat(chunks), render(plan, file))
    assert.equal(reads, 1)
  })

  test('of many ranges are the planned ones, however far apart they are, and however short reads are', async () => {
    const gap = fc.oneof(fc.integer({ min: -50, max: 300 }), fc.integer({ min: -9_000, max: 40_000 }))
    const length = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 40_000 }))
    const file = seededBytes('apart', 300_000)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(gap, length), { minLength: 2, maxLength: 40 }),
        fc.integer({ min: 1, max: 70_000 }),
        fc.boolean(),
        async (raw, piece, isInMemory) => {
          let position = 0
          const ranges = raw.map(([skipped, bytes]) => {
            const start = Math.max(0, position + skipped) % file.length
            const end = Math.min(file.length, start + bytes) - 1
            position = end + 1
            return { start, end }
          })
          const plan = planRanges(ranges, file.length, TYPE)
          const stored = { ...coming(file, Promise.resolve(file.length), piece), complete: true }
          const chunks: Buffer[] = []
          const body: Body = isInMemory ? { ...stored, bytes: file } : stored
          for await (const chunk of bodyChunks(body, plan, POOL)) chunks.push(Buffer.from(chunk))
          assert.ok(Buffer.concat(chunks).equals(render(plan, file)))
        },
      ),
      { seed: 9110, numRuns: 200 },
    )
  })

  test('of many ranges fail when the body is shorter than planned', async () => {
    const file = seededBytes('short', 1_028)
    const ranges = Array.from({ length: 30 }, (_, index) => ({ start: index * 64, end: index * 64 + 9 }))
    const body = { ...coming(file, Promise.resolve(1_028)), complete: true }
    const { rest } = await takeUntilHeld(body, planRanges(ranges, 2_000, TYPE))
    await assert.rejects(rest, { code: 'BLOB_UNREADABLE', message: 'a body ended early: 1028 of 1034 bytes' })
  })

  test('are the planned ones, however they are read, and held back by the same rule', async () => {
    const size = fc.integer({ min: 1, max: 60_000 })
    const range = fc.tuple(fc.nat(), fc.nat())
    await fc.assert(
      fc.asyncProperty(
        size,
        fc.array(range, { maxLength: 4 }),
        fc.integer({ min: 1, max: 9_000 }),
        async (size, raw, piece) => {
          const file = seededBytes('property', size)
          const ranges = raw.map(([a, b]) => {
            const start = a % size
            return { start, end: start + (b % (size - start)) }
          })
          const plan = ranges.length === 0 ? planWhole(size, TYPE) : planRanges(ranges, size, TYPE)
          let verified = false
          const body: Body = {
            ...coming(file, Promise.resolve(size), piece),
            verified: async () => {
              verified = true
              return size
            },
          }
          const chunks: Buffer[] = []
          let sent = 0
          for await (const chunk of bodyChunks(body, plan, POOL)) {
            chunks.push(Buffer.from(chunk))
            sent += chunk.length
            assert.ok(
              verified || sent <= plan.contentLength - HOLD_BACK_BYTES,
              'a held byte came before the verdict',
            )
          }
          assert.deepEqual(Buffer.concat(chunks), render(plan, file))
        },
      ),
      { seed: 9110, numRuns: 300 },
    )
  })
})
