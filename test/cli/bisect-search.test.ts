import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import {
  beginSearch,
  candidates,
  learn,
  nextPlace,
  runsLeft,
  type Search,
  type Verdict,
} from '../../src/cli/bisect-search.ts'

/** Searches to the end; gives the search and the places tried, in order. */
function search(last: number, judge: (place: number) => Verdict): { end: Search; tried: number[] } {
  const tried: number[] = []
  let state = beginSearch(last)
  for (let place = nextPlace(state); place !== undefined; place = nextPlace(state)) {
    tried.push(place)
    state = learn(state, place, judge(place))
  }
  return { end: state, tried }
}

describe('a search', () => {
  test('finds the first bad place, wherever it is, in no more runs than its length has binary digits', () => {
    for (let last = 1; last <= 200; last += 1)
      for (let firstBad = 1; firstBad <= last; firstBad += 1) {
        const { end, tried } = search(last, (place) => (place < firstBad ? 'good' : 'bad'))
        assert.deepEqual(candidates(end), [firstBad])
        assert.ok(tried.length <= Math.ceil(Math.log2(last)), `${tried.length} runs for ${last}`)
        assert.ok(
          tried.every((place) => place > 0 && place < last),
          'the ends are trusted',
        )
      }
  })

  test('says beforehand how many runs that are at most', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 8, 9].map((last) => runsLeft(beginSearch(last))),
      [0, 1, 2, 2, 3, 3, 4],
    )
  })

  test('with some that can say nothing is right, or names candidates of which one is', () => {
    const someTask = fc
      .integer({ min: 1, max: 60 })
      .chain((last) =>
        fc.tuple(
          fc.constant(last),
          fc.integer({ min: 1, max: last }),
          fc.uniqueArray(fc.integer({ min: 1, max: Math.max(1, last - 1) })),
        ),
      )
    const property = fc.property(someTask, ([last, firstBad, mute]) => {
      const skipped = new Set(mute)
      const { end, tried } = search(last, (place) =>
        skipped.has(place) ? 'skip' : place < firstBad ? 'good' : 'bad',
      )
      const found = candidates(end)
      assert.ok(found.includes(firstBad), `${firstBad} is not among ${found.join()}`)
      assert.ok(
        found.slice(0, -1).every((place) => skipped.has(place)),
        'what could be tried was',
      )
      assert.equal(new Set(tried).size, tried.length, 'none is tried twice')
    })
    fc.assert(property, { seed: 125, numRuns: 2_000 })
  })

  test('tries the nearest to the middle that was not skipped', () => {
    const { tried } = search(9, () => 'skip')
    assert.deepEqual(tried, [4, 3, 5, 2, 6, 1, 7, 8])
  })
})
