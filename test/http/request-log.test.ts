import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import type { EndedRequest } from '../../src/http/ended-request.ts'
import { RequestLog } from '../../src/http/request-log.ts'
import { PinyonError } from '../../src/model/errors.ts'
import type { Outcome } from '../../src/model/outcome.ts'
import type { Snapshot } from '../../src/snapshot/store.ts'
import { LogRecorder } from './log-recorder.ts'

const ERROR = new PinyonError('NOT_FOUND', 'nothing there')

function snapshotOf(mirror: string): Snapshot {
  return { mirror, name: '2016-12-13-13-30' } as Snapshot
}

function ended(outcome: Outcome, mirror: Snapshot, endedAt: number, error?: PinyonError): EndedRequest {
  const common = { method: 'GET', target: '/a', status: 200, client: '::1', userAgent: undefined }
  const what = { packageName: undefined, note: undefined, bytes: 10, connection: {} }
  const times = { startedAt: endedAt - 2, headAt: endedAt - 1, endedAt }
  return { count: 1, ...common, ...what, ...times, id: 'x', outcome, snapshot: mirror, error }
}

function start(t: TestContext): { log: RequestLog; recorder: LogRecorder; leftOut: number[] } {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const [recorder, leftOut] = [new LogRecorder(), [] as number[]]
  return { log: new RequestLog(recorder.logger, (count) => leftOut.push(count)), recorder, leftOut }
}

test('of very many answers from the cache the sums are told, and nothing is lost of them', (t) => {
  const { log, recorder, leftOut } = start(t)
  const [m, n] = [snapshotOf('m'), snapshotOf('n')]
  for (let at = 0; at < 2_000; at += 1)
    log.log(ended(at % 4 === 0 ? 'not_modified' : 'hit', at < 1_000 ? m : n, 5))
  assert.equal(recorder.of('request').length, 500)
  t.mock.timers.tick(1_000)
  const sums = recorder.of('requests not told one by one')
  assert.deepEqual(
    sums.map(({ outcome, mirror, count, bytes, ms }) => [outcome, mirror, count, bytes, ms]),
    [
      ['not_modified', 'm', 125, 1_250, 250],
      ['not_modified', 'n', 250, 2_500, 500],
      ['hit', 'm', 375, 3_750, 750],
      ['hit', 'n', 750, 7_500, 1_500],
    ].toSorted((a, b) => order(a) - order(b)),
  )
  assert.equal(leftOut.reduce((a, b) => a + b, 0) + 500, 2_000)
  // The next second has its own.
  log.log(ended('hit', m, 1_005))
  assert.equal(recorder.of('request').length, 501)
})

function order([outcome, mirror]: readonly unknown[]): number {
  return (outcome === 'hit' ? 2 : 0) + (mirror === 'n' ? 1 : 0)
}

test('what went wrong, or came from upstream, has its line however many there are', (t) => {
  const { log, recorder } = start(t)
  for (let at = 0; at < 700; at += 1) {
    log.log(ended('not_found', snapshotOf('m'), 5, ERROR))
    log.log(ended('fill', snapshotOf('m'), 5))
  }
  assert.equal(recorder.of('request').length, 1_400)
})

test('snapshots whose sums are told apart are of a number that has a bound', (t) => {
  const { log, recorder } = start(t)
  const snapshots = Array.from({ length: 600 }, (_, at) => snapshotOf(`m${at}`))
  for (let times = 0; times < 2; times += 1)
    for (const snapshot of snapshots) log.log(ended('hit', snapshot, 5))
  log.flush()
  const sums = recorder.of('requests not told one by one')
  assert.ok(sums.length <= 101, String(sums.length))
  assert.equal(
    sums.reduce((sum, { count }) => sum + Number(count), 0),
    700,
  )
})
