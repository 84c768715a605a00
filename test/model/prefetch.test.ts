import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isFetchedAtBirth, lostRetryMs, type Policy } from '../../src/model/prefetch.ts'

const HOUR_MS = 3_600_000

/** Whether a package is wanted at 10,000 whose name counts as used for 1,000, and for an hour more as it is not known better. */
function wants(policy: Policy, askedAt: number | undefined): boolean {
  return isFetchedAtBirth({ policy, warmWindowMs: 1_000 }, askedAt, 10_000)
}

test('on_demand wants nothing, immediate everything, warm what was asked for within the window', () => {
  assert.deepEqual([wants('on_demand', 10_000), wants('immediate', undefined)], [false, true])
  assert.deepEqual(
    [undefined, 10_000, 9_000 - HOUR_MS, 8_999 - HOUR_MS, 20_000].map((askedAt) => wants('warm', askedAt)),
    [false, true, true, false, true],
  )
})

test('what is lost is asked for again after a minute, then ever less often, at least once an hour', () => {
  assert.deepEqual(
    [1, 2, 3, 6, 7, 1e9].map((times) => lostRetryMs(times) / 60_000),
    [1, 2, 4, 32, 60, 60],
  )
})
