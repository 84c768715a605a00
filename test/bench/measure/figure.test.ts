import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isReached, toFigures, type Measure } from '../../../bench/measure/figure.ts'

const MEASURE: Measure = {
  scenario: 'hot',
  name: '2 KB',
  measure: 'requests/s',
  unit: 'requests/s',
  better: 'more',
}

test('ratios are those of the same round, pinyon to the other', () => {
  const [ours, theirs] = toFigures(MEASURE, { pinyon: [100, 30, 90], nginx: [50, 10, 90] })
  assert.equal(ours?.ratio, undefined)
  assert.deepEqual(ours?.value, { median: 90, low: 60, high: 95 })
  assert.deepEqual(theirs?.ratio, { median: 2, low: 1.5, high: 2.5 })
})

test('a round without a value makes no ratio, and a server without one no figure', () => {
  const samples = { pinyon: [1, undefined, 3], nginx: [undefined, 2, 1], squid: [undefined, Number.NaN] }
  const figures = toFigures(MEASURE, samples)
  assert.deepEqual(
    figures.map(({ of, ratio }) => [of, ratio?.median]),
    [
      ['pinyon', undefined],
      ['nginx', 3],
    ],
  )
})

test('counts are not divided', () => {
  const [, theirs] = toFigures({ ...MEASURE, hasRatio: false }, { pinyon: [1], nginx: [20] })
  assert.equal(theirs?.ratio, undefined)
})

test('a target is the ratio’s, or without one the value’s', () => {
  const targets = { nginx: 1.2, pinyon: 100 }
  const reached = (better: 'more' | 'less', pinyon: number, nginx: number) =>
    toFigures({ ...MEASURE, better, targets }, { pinyon: [pinyon], nginx: [nginx], squid: [1] }).map(
      isReached,
    )
  assert.deepEqual(reached('more', 120, 100), [true, true, undefined])
  assert.deepEqual(reached('more', 99, 100), [false, false, undefined])
  assert.deepEqual(reached('less', 99, 100), [true, true, undefined])
  assert.deepEqual(reached('less', 130, 100), [false, false, undefined])
})
