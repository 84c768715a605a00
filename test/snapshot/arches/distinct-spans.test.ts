import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { sumDistinct, type ListedSpan } from '../../../src/snapshot/arches/distinct-spans.ts'

const SNAPSHOTS = 8

/** How it is counted by looking at each snapshot. */
function countAt(rows: readonly ListedSpan[], seq: number): readonly (readonly [number, number])[] {
  const listed = rows.filter(({ firstSeq, lastSeq }) => firstSeq <= seq && (lastSeq ?? seq) >= seq)
  const sizes = new Map(listed.map(({ key, size }) => [key, size]))
  return [sizes.size, [...sizes.values()].reduce((sum, size) => sum + size, 0)].map((one) => [seq, one])
}

test('rows of one package count once in every snapshot that lists any of them', () => {
  const row = fc
    .record({
      key: fc.integer({ min: 0, max: 3 }),
      firstSeq: fc.integer({ min: 1, max: SNAPSHOTS }),
      length: fc.option(fc.integer({ min: 0, max: 4 })),
    })
    .map(({ key, firstSeq, length }): ListedSpan => {
      const lastSeq = length === null ? null : firstSeq + length
      return { key, firstSeq, lastSeq, state: 0, size: 10 ** key }
    })
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
      const sums = sumDistinct(rows)
      for (let seq = 1; seq <= SNAPSHOTS; seq += 1) {
        const own = sums.filter(({ firstSeq, lastSeq }) => firstSeq <= seq && seq <= lastSeq)
        const [count, bytes] = [
          own.reduce((sum, one) => sum + one.count, 0),
          own.reduce((sum, one) => sum + one.bytes, 0),
        ]
        assert.deepEqual(
          [
            [seq, count],
            [seq, bytes],
          ],
          countAt(rows, seq),
        )
      }
    }),
    { numRuns: 300 },
  )
})

test('a package is lost when one of its places is', () => {
  const row = { key: 'a', firstSeq: 1, lastSeq: 2, size: 5 }
  assert.deepEqual(
    sumDistinct([
      { ...row, state: 1 },
      { ...row, state: 2 },
    ]),
    [{ firstSeq: 1, lastSeq: 2, state: 2, count: 1, bytes: 5 }],
  )
})
