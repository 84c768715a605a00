import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Throttle } from '../../src/upstream/throttle.ts'

/** A clock that moves only by sleeping. */
class Clock {
  ms = 1_000
  readonly now = (): number => this.ms
  readonly sleep = async (ms: number): Promise<void> => void (this.ms += ms)
}

const NEVER = new AbortController().signal
const isCalm = () => false

test('bytes come at the rate, but for a short burst, by however many transfers', async () => {
  const clock = new Clock()
  const throttle = new Throttle(() => 1_000, clock)
  for (let count = 0; count < 20; count += 1) await throttle.pass(250, isCalm, NEVER)
  // 5,000 bytes, of which a quarter of a second's worth came at once.
  assert.equal(clock.ms - 1_000, 4_750)
})

test('what waits goes on at once when a client waits for it, and nothing waits without a rate', async () => {
  const clock = new Clock()
  let isUrgent = false
  const throttle = new Throttle(() => 100, {
    now: clock.now,
    sleep: async (ms) => {
      clock.ms += ms
      isUrgent = true
    },
  })
  await throttle.pass(10_000, () => isUrgent, NEVER)
  assert.ok(clock.ms - 1_000 <= 500)
  await new Throttle(() => undefined, clock).pass(1e9, isCalm, NEVER)
  assert.ok(clock.ms - 1_000 <= 500)
})

test('what is stopped waits no longer', async () => {
  const throttle = new Throttle(() => 100, new Clock())
  await assert.rejects(throttle.pass(10_000, isCalm, AbortSignal.abort(new Error('stopped'))), /stopped/)
})
