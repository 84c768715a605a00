import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, test } from 'node:test'

import { LoadWatch, memoryShares, RestartPace, toBounds } from '../../../src/app/workers/worker-count.ts'

describe('how many processes serve', () => {
  test('is what is configured, one without the fast path, and by default one up to a core each', () => {
    assert.deepEqual(toBounds({ workers: 3 }), { least: 3, most: 3 })
    assert.deepEqual(toBounds({}), { least: 1, most: 1 })
    assert.deepEqual(toBounds({ workers: 3, fastPath: false }), { least: 1, most: 1 })
    const most = Math.min(availableParallelism(), 8)
    assert.deepEqual(toBounds({ workers: 'auto' }), { least: 1, most })
  })

  test('together they have no more memory than one alone', () => {
    const cache = { maxBytes: 0, memoryBytes: 1_000 }
    assert.deepEqual(memoryShares({ cache, workers: 1 }), { first: 1_000, worker: 0 })
    assert.deepEqual(memoryShares({ cache, workers: 2 }), { first: 500, worker: 500 })
    assert.deepEqual(memoryShares({ cache, workers: 6 }), { first: 500, worker: 100 })
  })
})

describe('one more', () => {
  const bounds = { least: 1, most: 3 }

  test('is wanted when all have been busy for three seconds, up to the most', () => {
    const watch = new LoadWatch()
    const changes = [[0.9], [0.9], [0.1], [0.7], [0.7], [0.7], [0.9, 0.2], [0.9, 0.4], [0.9, 0.9]]
    assert.deepEqual(
      changes.map((loads) => watch.look(loads, bounds)),
      [0, 0, 0, 0, 0, 1, 0, 0, 0],
    )
    assert.equal(watch.look([0.9, 0.9], bounds), 1)
    for (let second = 0; second < 10; second += 1) assert.equal(watch.look([1, 1, 1], bounds), 0)
  })

  test('is one too many when the others could do its work for a minute, down to the least', () => {
    const watch = new LoadWatch()
    for (let second = 0; second < 59; second += 1) assert.equal(watch.look([0.1, 0.1], bounds), 0)
    assert.equal(watch.look([0.2, 0.2], bounds), 0)
    for (let second = 0; second < 59; second += 1) assert.equal(watch.look([0.1, 0.1], bounds), 0)
    assert.equal(watch.look([0.1, 0.1], bounds), -1)
    for (let second = 0; second < 100; second += 1) assert.equal(watch.look([0], bounds), 0)
  })
})

test('workers that die are replaced at once, twenty within a minute', () => {
  const pace = new RestartPace()
  for (let deaths = 0; deaths < 20; deaths += 1) assert.equal(pace.note(1_000), 0)
  assert.equal(pace.note(1_000), 5_000)
  assert.equal(pace.note(30_000), 5_000)
  assert.equal(pace.note(62_000), 0)
})
