import assert from 'node:assert/strict'
import { test } from 'node:test'

import { array, assert as check, integer, property } from 'fast-check'

import { formatSpread, spreadOf } from '../../../bench/measure/statistics.ts'

test('the middle, and the middle half', () => {
  assert.deepEqual(spreadOf([5, 1, 3, 2, 4]), { median: 3, low: 2, high: 4 })
  assert.deepEqual(spreadOf([1, 2]), { median: 1.5, low: 1.25, high: 1.75 })
  assert.deepEqual(spreadOf([7]), { median: 7, low: 7, high: 7 })
  assert.equal(formatSpread({ median: 1.234, low: 1, high: 2 }), '1.23 (1.00–2.00)')
})

test('lies within the values, in order, whatever their order', () => {
  check(
    property(array(integer({ min: -1_000, max: 1_000 }), { minLength: 1 }), (values) => {
      const { low, median, high } = spreadOf(values)
      assert.ok(Math.min(...values) <= low && low <= median && median <= high && high <= Math.max(...values))
      assert.deepEqual(spreadOf(values.toReversed()), { low, median, high })
    }),
  )
})
