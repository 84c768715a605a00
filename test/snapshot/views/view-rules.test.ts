import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import {
  decideOpening,
  DEFAULT_TTL_MS,
  MAX_TTL_MS,
  type Lease,
} from '../../../src/snapshot/views/view-rules.ts'

const HOUR_MS = 3_600_000

describe('opening a view', () => {
  test('the first time freezes for exactly its ttl: a day unless told, 14 days at most', () => {
    for (const [wanted, ttlMs] of [
      [undefined, DEFAULT_TTL_MS],
      [1_000, 1_000],
      [MAX_TTL_MS, MAX_TTL_MS],
      [MAX_TTL_MS + 1, MAX_TTL_MS],
      [1e15, MAX_TTL_MS],
    ] as const)
      assert.deepEqual(decideOpening(undefined, wanted, 100), {
        kind: 'freeze',
        lease: { ttlMs, expiresAt: 100 + ttlMs },
        durable: true,
      })
    assert.deepEqual([DEFAULT_TTL_MS, MAX_TTL_MS], [24 * HOUR_MS, 14 * 24 * HOUR_MS])
  })

  test('one that has ended is a first time again', () => {
    const lease = { ttlMs: HOUR_MS, expiresAt: HOUR_MS }
    assert.equal(decideOpening(lease, undefined, HOUR_MS - 1).kind, 'renew')
    assert.deepEqual(decideOpening(lease, undefined, HOUR_MS), {
      kind: 'freeze',
      lease: { ttlMs: DEFAULT_TTL_MS, expiresAt: HOUR_MS + DEFAULT_TTL_MS },
      durable: true,
    })
  })

  test('openings of the same second share a write', () => {
    const { lease } = decideOpening({ ttlMs: HOUR_MS, expiresAt: HOUR_MS }, undefined, 1) as { lease: Lease }
    for (const nowMs of [1, 2, 500, 1_001]) assert.equal(decideOpening(lease, undefined, nowMs).kind, 'keep')
    assert.equal(decideOpening(lease, undefined, 1_002).kind, 'renew')
  })

  test('a renewal must survive a power cut once a quarter of the ttl could be lost', () => {
    const lease = { ttlMs: HOUR_MS, expiresAt: HOUR_MS }
    const isDurable = (nowMs: number) => {
      const decision = decideOpening(lease, undefined, nowMs)
      return decision.kind === 'renew' && decision.durable
    }
    assert.deepEqual([isDurable(1), isDurable(HOUR_MS / 4), isDurable(HOUR_MS / 4 + 1)], [false, false, true])
    const longer = decideOpening(lease, 2 * HOUR_MS, 0)
    assert.ok(longer.kind === 'renew' && longer.durable)
  })

  test('another ttl holds from then on, but takes back nothing', () => {
    const shorter = decideOpening({ ttlMs: HOUR_MS, expiresAt: HOUR_MS }, 1_000, 10) as { lease: Lease }
    assert.deepEqual(shorter.lease, { ttlMs: 1_000, expiresAt: HOUR_MS })
    const later = decideOpening(shorter.lease, undefined, HOUR_MS - 10) as { lease: Lease }
    assert.equal(later.lease.expiresAt, HOUR_MS - 10 + 1_000 + 10)
  })

  test('whatever is asked when: it lasts no shorter than promised, and a second or a hundredth longer at most', () => {
    const ttl = fc.oneof(
      fc.constant(undefined),
      fc.integer({ min: 1_000, max: 5_000 }),
      fc.integer({ min: 1_000, max: 2 * MAX_TTL_MS }),
    )
    const step = fc.oneof(fc.nat(200), fc.nat(10_000), fc.nat(2 * HOUR_MS), fc.nat(2 * DEFAULT_TTL_MS))
    const property = fc.property(fc.array(fc.tuple(step, ttl), { minLength: 1, size: '+1' }), (openings) => {
      let nowMs = 0
      let lease: Lease | undefined
      let promisedUntil = 0
      let ttlMs = 0
      for (const [afterMs, wanted] of openings) {
        nowMs += afterMs
        const decision = decideOpening(lease, wanted, nowMs)
        const lives = lease !== undefined && lease.expiresAt > nowMs
        assert.equal(decision.kind === 'freeze', !lives)
        ttlMs = Math.min(wanted ?? (lives ? ttlMs : DEFAULT_TTL_MS), MAX_TTL_MS)
        if (decision.kind !== 'keep') lease = decision.lease
        promisedUntil = Math.max(lives ? promisedUntil : 0, nowMs + ttlMs)
        assert.ok(lease !== undefined && lease.expiresAt >= promisedUntil, 'no shorter')
        assert.ok(lease.expiresAt - promisedUntil <= 1_000, 'no longer than a second')
        assert.equal(lease.ttlMs, ttlMs)
      }
    })
    fc.assert(property, { seed: 11, numRuns: 500 })
  })
})
