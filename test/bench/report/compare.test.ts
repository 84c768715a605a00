import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Figure } from '../../../bench/measure/figure.ts'
import { compareFigures, describeComparison, findUncompared } from '../../../bench/report/compare.ts'

const FIGURE: Figure = {
  scenario: 'hot',
  name: '2 KB',
  measure: 'requests/s',
  unit: 'requests/s',
  better: 'more',
  of: 'nginx',
  value: { median: 1, low: 1, high: 1 },
  ratio: { median: 1.2, low: 1.1, high: 1.3 },
  allowance: 0.1,
}

function isWorse(before: Figure, after: Figure): boolean[] {
  return compareFigures([before], [after]).map((one) => one.isWorse)
}

test('a ratio is worse when the middle halves lie apart by more than the allowance', () => {
  const at = (low: number, median: number, high: number): Figure => ({
    ...FIGURE,
    ratio: { low, median, high },
  })
  assert.deepEqual(isWorse(FIGURE, at(0.8, 0.9, 0.98)), [true])
  assert.deepEqual(isWorse(FIGURE, at(0.8, 0.9, 1)), [false])
  assert.deepEqual(isWorse(FIGURE, at(2, 2.1, 2.2)), [false])
})

test('where less is better, more is worse', () => {
  const less: Figure = { ...FIGURE, better: 'less' }
  assert.deepEqual(isWorse(less, { ...less, ratio: { low: 1.5, median: 1.6, high: 1.7 } }), [true])
  assert.deepEqual(isWorse(less, { ...less, ratio: { low: 1.4, median: 1.6, high: 1.7 } }), [false])
  assert.deepEqual(isWorse(less, { ...less, ratio: { low: 0.1, median: 0.2, high: 0.3 } }), [false])
})

test('of values only those with a limit are compared, with that', () => {
  const { ratio: _ratio, ...value } = FIGURE
  const limited: Figure = { ...value, of: 'pinyon', better: 'less', target: 1 }
  assert.deepEqual(isWorse(limited, limited), [false])
  assert.deepEqual(isWorse(limited, { ...limited, value: { median: 2, low: 2, high: 2 } }), [true])
  assert.deepEqual(isWorse(value, value), [])
  // What was missed before is only told of when it is missed by more.
  const missed: Figure = { ...limited, value: { median: 2, low: 2, high: 2 } }
  assert.deepEqual(isWorse(missed, { ...missed, value: { median: 2.1, low: 2.1, high: 2.1 } }), [false])
  assert.deepEqual(isWorse(missed, { ...missed, value: { median: 3, low: 3, high: 3 } }), [true])
})

test('what only one run has, and what says nothing between runs, is left out', () => {
  const { allowance: _allowance, ...without } = FIGURE
  assert.deepEqual(isWorse(FIGURE, { ...FIGURE, name: '64 KB' }), [])
  assert.deepEqual(isWorse(without, without), [])
})

test('it is told which', () => {
  const [one] = compareFigures([FIGURE], [{ ...FIGURE, ratio: { median: 0.5, low: 0.4, high: 0.6 } }])
  assert.ok(one)
  assert.equal(
    describeComparison(one),
    'hot, 2 KB, requests/s, pinyon : nginx: 0.50 (0.40–0.60), was 1.20 (1.10–1.30)',
  )
})

function caseOf(scenario: string, name: string): Figure {
  return { ...FIGURE, scenario, name }
}

test('a scenario that both runs have in other sizes is told of, one that only one of them has is not', () => {
  const before = [caseOf('hot', '2 KB'), caseOf('dnf', '50 of 17,000'), caseOf('cold', 'near')]
  const after = [caseOf('hot', '2 KB'), caseOf('dnf', '50 of 2,000'), caseOf('sync', 'first')]
  assert.deepEqual(findUncompared(before, after, compareFigures(before, after)), ['dnf'])
})
