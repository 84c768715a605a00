import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createPackageMix, meanAnswerBytes } from '../../../bench/measure/package-mix.ts'

test('sizes are those of a repository, weights those of Zipf, and both the seed’s', () => {
  const mix = createPackageMix(2_000, 5)
  const sizes = mix.map(({ sizeBytes }) => sizeBytes).toSorted((a, b) => a - b)
  const median = sizes[1_000] ?? 0
  assert.ok(median > 120_000 && median < 190_000, `median ${median}`)
  assert.ok((sizes[0] ?? 0) >= 3_000 && (sizes.at(-1) ?? 0) <= 4 << 20)
  assert.equal(mix[1]?.weight, 0.5)
  assert.deepEqual(createPackageMix(2_000, 5), mix)
  assert.notDeepEqual(createPackageMix(2_000, 6), mix)
})

test('an answer is on average as large as its weights make it', () => {
  const mix = [
    { name: 'a', sizeBytes: 100, weight: 3 },
    { name: 'b', sizeBytes: 500, weight: 1 },
  ]
  assert.equal(meanAnswerBytes(mix), 200)
})
