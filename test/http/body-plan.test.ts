import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { isRange, planRanges, planWhole, type BodyPlan } from '../../src/http/body-plan.ts'
import type { ByteRange } from '../../src/http/range.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { readMultipart } from './multipart.ts'

const FILE = seededBytes('body plan', 5_000)
const TYPE = 'application/x-rpm'

/** The body a plan means. */
function render(plan: BodyPlan): Buffer {
  const pieces = plan.pieces.map((piece) =>
    isRange(piece) ? FILE.subarray(piece.start, piece.end + 1) : Buffer.from(piece),
  )
  return Buffer.concat(pieces)
}

function planOf(ranges: readonly ByteRange[]): BodyPlan {
  return planRanges(ranges, FILE.length, TYPE)
}

describe('the plan of a body', () => {
  test('is the whole file', () => {
    const plan = planWhole(FILE.length, TYPE)
    assert.deepEqual(
      [plan.status, plan.contentLength, plan.contentType, plan.contentRange],
      [200, 5_000, TYPE, undefined],
    )
    assert.deepEqual(render(plan), FILE)
  })

  test('is nothing for an empty file', () => {
    assert.deepEqual(planWhole(0, TYPE).pieces, [])
    assert.equal(planWhole(0, TYPE).contentLength, 0)
  })

  test('is a plain 206 for one range', () => {
    const plan = planOf([{ start: 10, end: 19 }])
    assert.deepEqual([plan.status, plan.contentLength, plan.contentRange], [206, 10, 'bytes 10-19/5000'])
    assert.equal(plan.contentType, TYPE)
    assert.deepEqual(render(plan), FILE.subarray(10, 20))
  })

  test('is what zchunk reads, for as many ranges as it asks for', () => {
    // Adjacent, overlapping, single bytes, backwards: in the order asked, never merged.
    const ranges = Array.from({ length: 256 }, (_, index) => {
      const start = (index * 1_237) % 4_900
      return { start, end: start + (index % 20) }
    })
    const plan = planOf(ranges)
    const body = render(plan)
    assert.deepEqual([plan.status, plan.contentRange, plan.contentLength], [206, undefined, body.length])
    const expected = ranges.map(({ start, end }) => ({
      start,
      end,
      total: 5_000,
      bytes: FILE.subarray(start, end + 1),
    }))
    assert.deepEqual(readMultipart(plan.contentType, body), expected)
  })

  test('has a boundary of letters and digits, the last parameter, another one each time', () => {
    const types = Array.from(
      { length: 3 },
      () =>
        planOf([
          { start: 0, end: 0 },
          { start: 2, end: 2 },
        ]).contentType,
    )
    for (const type of types) assert.match(type, /^multipart\/byteranges; boundary=[0-9A-Za-z]{16,70}$/)
    assert.equal(new Set(types).size, 3)
  })
})
