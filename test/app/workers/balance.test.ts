import assert from 'node:assert/strict'
import { test } from 'node:test'

import { findMove } from '../../../src/app/workers/balance.ts'

test('the busiest process gives so much to the idlest that both are as busy', () => {
  assert.deepEqual(findMove([1, 0]), { from: 0, to: 1, share: 0.5 })
  assert.deepEqual(findMove([0.25, 1, 0.5]), { from: 1, to: 0, share: 0.375 })
  assert.deepEqual(findMove([0.75, 0.25, 0.5]), { from: 0, to: 1, share: 1 / 3 })
})

test('nothing is given by one that is not busy, alone, or hardly busier', () => {
  for (const loads of [[0.4, 0], [1], [1, 0.8], [1, 1, 1], [0, 0]]) assert.equal(findMove(loads), undefined)
})
