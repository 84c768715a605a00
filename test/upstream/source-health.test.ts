import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { PinyonError } from '../../src/model/errors.ts'
import { SourceHealth } from '../../src/upstream/source-health.ts'

const SILENCE = new PinyonError('UPSTREAM_UNREACHABLE', 'nobody there')
const RESET = new PinyonError('UPSTREAM_UNREACHABLE', 'could not be reached: ECONNRESET', {
  wasReached: true,
})
const OVERLOAD = new PinyonError('UPSTREAM_STATUS', 'answered: 503', { status: 503 })

function create() {
  let nowMs = 1_000
  const health = new SourceHealth(() => nowMs)
  return { health, later: (ms: number) => void (nowMs += ms), now: () => nowMs }
}

describe('a source', () => {
  test('is well until it fails, and then set aside for twice as long each time, ten seconds at most', () => {
    const { health, later, now } = create()
    assert.deepEqual([health.state.state, health.remainingMs], ['ok', 0])
    const backOffs: number[] = []
    for (let failure = 0; failure < 8; failure += 1) {
      health.failed(SILENCE)
      backOffs.push(health.remainingMs)
      assert.equal(health.state.state, 'set aside')
      later(health.remainingMs)
    }
    assert.deepEqual(backOffs, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000])
    assert.equal(health.isDown, false, 'it answers, if only badly')
    health.delivered()
    health.failed(SILENCE)
    assert.deepEqual([health.remainingMs, health.state.failures, now() > 0], [500, 1, true])
  })

  test('that gave other bytes says for which file it is set aside, also when others were right since', () => {
    const { health, later } = create()
    health.judged(false, 'a has other bytes than listed')
    health.delivered()
    health.judged(true)
    assert.deepEqual([health.state.state, health.state.error], ['set aside', 'a has other bytes than listed'])
    later(health.remainingMs)
    assert.deepEqual([health.state.state, health.state.error], ['ok', undefined])
    health.judged(true)
    assert.equal(health.state.error, undefined)
  })

  test('is not set aside for longer by what was asked before', () => {
    const { health } = create()
    for (let request = 0; request < 50; request += 1) health.failed(SILENCE)
    assert.deepEqual([health.remainingMs, health.state.failures], [500, 50])
  })

  test('is down once it has answered nothing three times, over five seconds', () => {
    const { health, later, now } = create()
    for (let request = 0; request < 3; request += 1) {
      health.refused(SILENCE, 'a', now())
      assert.equal(health.isDown, false)
      later(2_000)
    }
    assert.deepEqual([health.isDown, health.state.state, health.state.error], [true, 'down', 'nobody there'])
    health.answered()
    assert.equal(health.isDown, false)
  })

  test('is down as soon as three requests have waited for five seconds side by side', () => {
    const { health, later, now } = create()
    const askedAt = now()
    later(5_000)
    for (let request = 0; request < 3; request += 1) health.refused(SILENCE, 'a', askedAt)
    assert.equal(health.isDown, true)
  })

  for (const [what, error] of [
    ['answers 503', OVERLOAD],
    ['breaks off', RESET],
  ] as const)
    test(`that ${what} is only down when it is not about one file alone`, () => {
      const { health, later, now } = create()
      for (let request = 0; request < 5; request += 1) {
        health.refused(error, 'a', now())
        later(2_000)
      }
      assert.equal(health.isDown, false)
      health.refused(error, 'b', now())
      assert.equal(health.isDown, true)
    })

  test('may be asked a fifth of its back-off sooner for what it has not failed with', () => {
    const { health, later, now } = create()
    for (const href of ['a', 'b']) health.refused(RESET, href, now())
    assert.deepEqual(
      ['a', 'b', 'c'].map((href) => health.remainingMsFor(href)),
      [500, 500, 400],
    )
    later(400)
    health.refused(RESET, 'c', now())
    assert.deepEqual([health.remainingMsFor('c'), health.remainingMsFor('d')], [1_000, 800])
    health.answered()
    assert.equal(health.remainingMsFor('a'), 800)
  })

  test('is tried by a probe, as long as that runs', async () => {
    const { health } = create()
    for (const request of [Promise.resolve(), Promise.reject(SILENCE)]) {
      health.startProbe(request)
      const { probe } = health
      assert.ok(probe)
      await probe
      await Promise.resolve()
      assert.equal(health.probe, undefined)
    }
  })
})
