import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { Outcome } from '../../src/model/outcome.ts'
import { Traffic, type EndedRequest } from '../../src/system/traffic.ts'

const MINUTE_MS = 60_000

interface Given {
  readonly outcome?: Outcome
  readonly firstByteMs?: number | undefined
  readonly mirror?: string | undefined
}

function request(given: Given = {}): EndedRequest {
  const { outcome = 'hit', firstByteMs, mirror } = { firstByteMs: 1, mirror: 'm', ...given }
  return {
    outcome,
    count: 1,
    bytes: 100,
    startedAt: 7,
    headAt: firstByteMs === undefined ? undefined : 7 + firstByteMs,
    snapshot: mirror === undefined ? undefined : { mirror },
  }
}

describe('traffic', () => {
  test('is remembered for a day, its last hour and its last five minutes by themselves', () => {
    let now = Date.UTC(2026, 2, 17, 9, 52)
    const traffic = new Traffic(() => now)
    traffic.record(request({ outcome: 'error_upstream', firstByteMs: undefined }))
    now += 10 * MINUTE_MS
    traffic.record(request({ outcome: 'fill', firstByteMs: 400 }))
    traffic.recordFetched(1_000)
    const soon = traffic.report()
    assert.deepEqual(soon.lastHour, { requests: 2, failed: 1 })
    assert.deepEqual([soon.requests, soon.bytesSent, soon.bytesFetched], [2, 200, 1_000])
    assert.deepEqual([soon.cachedP99, soon.fetchedP99], [undefined, 500])
    assert.deepEqual(soon.trouble, [])
    now += 2 * 60 * MINUTE_MS
    assert.deepEqual(traffic.report().lastHour, { requests: 0, failed: 0 })
    assert.equal(traffic.report().requests, 2)
    now += 24 * 60 * MINUTE_MS
    assert.equal(traffic.report().requests, 0)
  })

  test('tells which mirrors give errors now', () => {
    let now = 1_000 * MINUTE_MS
    const traffic = new Traffic(() => now)
    for (let number = 0; number < 30; number += 1) traffic.record(request({ outcome: 'lost', mirror: 'bad' }))
    traffic.record(request({ mirror: 'bad' }))
    traffic.record(request({ mirror: 'good' }))
    traffic.record(request({ outcome: 'aborted', mirror: undefined }))
    assert.deepEqual(traffic.report().trouble, [{ mirror: 'bad', requests: 31, failed: 30 }])
    now += 5 * MINUTE_MS
    assert.deepEqual(traffic.report().trouble, [])
  })

  test('tells within what time 99 of 100 first bytes came', () => {
    const traffic = new Traffic(() => 0)
    for (let number = 0; number < 99; number += 1) traffic.record(request({ firstByteMs: 3 }))
    traffic.record(request({ firstByteMs: 90_000 }))
    assert.equal(traffic.report().cachedP99, 5)
    traffic.record(request({ firstByteMs: 90_000 }))
    assert.equal(traffic.report().cachedP99, undefined)
  })
})
