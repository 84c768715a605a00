import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { suggestKey } from '../../src/model/suggest.ts'

/** Levenshtein's, as it is written in books. */
function naiveDistance(left: string, right: string): number {
  if (left === '' || right === '') return left.length + right.length
  const [first, second] = [left.slice(1), right.slice(1)]
  if (left[0] === right[0]) return naiveDistance(first, second)
  return 1 + Math.min(naiveDistance(first, right), naiveDistance(left, second), naiveDistance(first, second))
}

test('what differs in two letters at most, and not in half of them, is meant; the nearest first', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
  const property = fc.property(word, fc.array(word, { maxLength: 6 }), (found, known) => {
    const distances = known.map((key) => naiveDistance(found, key))
    const near = known.filter((key, at) => (distances[at] ?? 3) <= 2 && (distances[at] ?? 3) < key.length / 2)
    const least = Math.min(...near.map((key) => naiveDistance(found, key)))
    assert.equal(
      suggestKey(found, known),
      near.find((key) => naiveDistance(found, key) === least),
    )
  })
  fc.assert(property, { seed: 20161213, numRuns: 2_000 })
})
