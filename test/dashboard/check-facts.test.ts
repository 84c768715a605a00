import assert from 'node:assert/strict'
import { test } from 'node:test'

import { checkFacts } from '../../src/dashboard/pages/mirror-logs.ts'
import type { CheckRun } from '../../src/snapshot/farm/farm.ts'

const CHECK: CheckRun = {
  id: 1,
  mirror: 'm',
  firstAt: 0,
  lastAt: 0,
  times: 1,
  durationMs: 31,
  outcome: 'unchanged',
  actor: 'schedule',
  bytes: 0,
  snapshot: undefined,
  reason: undefined,
}

test('of a look that found nothing new no number of requests is made up', () => {
  assert.equal(checkFacts(CHECK), '31 ms')
  assert.equal(checkFacts({ ...CHECK, actor: 'token ci' }), '31 ms, token ci')
  assert.equal(checkFacts({ ...CHECK, outcome: 'failed' }), 'nothing changed')
})
