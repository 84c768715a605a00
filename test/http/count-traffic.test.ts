import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createCounters } from '../../src/http/count-traffic.ts'
import type { EndedRequest } from '../../src/http/ended-request.ts'
import type { UsageRecorder } from '../../src/snapshot/usage/usage-recorder.ts'
import { Tally } from '../../src/system/tally.ts'
import { Traffic } from '../../src/system/traffic.ts'

const HIT: EndedRequest = {
  count: 1,
  id: undefined,
  method: 'GET',
  target: '/repos/yum/m/latest/a.rpm',
  status: 200,
  outcome: 'hit',
  startedAt: 1,
  headAt: 3.5,
  endedAt: 4,
  client: undefined,
  userAgent: undefined,
  snapshot: undefined,
  packageName: undefined,
  error: undefined,
  note: undefined,
  bytes: 100,
  connection: {},
}

test('what is asked of the farm and has an outcome counts as its traffic, and nothing else', () => {
  const traffic = new Traffic(() => 0)
  const count = createCounters({ usage: {} as UsageRecorder, traffic, tally: new Tally() })
  for (const target of [HIT.target, '/repos/yum/all_latest.json', '/metrics', '/ui/', '/reposs/'])
    count({ ...HIT, target })
  count({ ...HIT, outcome: undefined })
  const { requests, bytesSent, cachedP99 } = traffic.report()
  assert.deepEqual([requests, bytesSent, cachedP99], [2, 200, 5])
})
