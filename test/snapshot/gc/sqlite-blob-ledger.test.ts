import assert from 'node:assert/strict'
import { test } from 'node:test'

import { digestOf } from '../../../src/model/digest.ts'
import { GcPlace } from './gc-place.ts'

test('between uses that are entered by the thousand, requests have their turn', async (t) => {
  const place = new GcPlace(t)
  let turns = 0
  const count = () => {
    turns += 1
    if (turns < 1_000) setImmediate(count)
  }
  setImmediate(count)
  const digests = Array.from({ length: 2_000 }, (_, index) => digestOf(`${index}`))
  await place.store.ledger.touch(digests, place.nowMs)
  assert.ok(turns >= 10 && turns < 1_000, `${turns} turns`)
})
