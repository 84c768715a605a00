import assert from 'node:assert/strict'
import { test } from 'node:test'

import { EndedRequests } from '../../../src/app/workers/ended-batch.ts'
import { createReplay } from '../../../src/app/workers/replay.ts'
import type { EndedRequest } from '../../../src/http/ended-request.ts'
import { RequestLog } from '../../../src/http/request-log.ts'
import { PinyonError } from '../../../src/model/errors.ts'
import { LogRecorder } from '../../http/log-recorder.ts'

const REQUEST: EndedRequest = {
  count: 1,
  id: 'w-1',
  method: 'GET',
  target: '/repos/yum/m/2020-01-01-01-01/a.rpm?token=secret',
  status: 200,
  outcome: 'hit',
  startedAt: 0,
  headAt: 1,
  endedAt: 2,
  client: '10.0.0.1',
  userAgent: 'libdnf "42"',
  snapshot: undefined,
  packageName: 'a',
  error: undefined,
  note: undefined,
  bytes: 17,
  connection: {},
}

test('what a worker answered is counted and logged as if it had been answered here', async () => {
  const log = new LogRecorder()
  const failed = {
    ...REQUEST,
    outcome: 'error_internal',
    error: new PinyonError('BLOB_UNREADABLE', 'short'),
  } as const
  const requests = [REQUEST, { ...REQUEST, client: undefined, userAgent: undefined }, failed]
  const collected = new EndedRequests()
  for (const request of requests) collected.add(request, true)
  const counted: EndedRequest[] = []
  const requestLog = new RequestLog(log.logger)
  createReplay({ log: log.logger, requestLog, onEnd: (ended) => counted.push(ended) })(collected.take())
  for (const request of requests) requestLog.log(request)
  const lines = (await log.waitFor('request', 6)).map((line) => ({ ...line, ms: 0, time: 0 }))
  assert.equal(lines.length, 6)
  assert.deepEqual(lines.slice(0, 3), lines.slice(3))
  assert.deepEqual(
    counted.map(({ bytes, client }) => [bytes, client]),
    [
      [17, '10.0.0.1'],
      [17, undefined],
      [17, '10.0.0.1'],
    ],
  )
  assert.equal(counted[2]?.error?.code, 'BLOB_UNREADABLE')
})
