import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { describeDoubt, judgeWall, type ClockPair, type WallTrust } from '../../src/model/wall-trust.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const YEAR_MS = 365 * DAY_MS

/** A machine whose system clock somebody sets, and what is known of it. */
class Machine {
  now: ClockPair = { wallMs: 1e12, farmMs: 0 }
  trust: WallTrust | undefined

  /** Lets time pass, sets the clock further by so much, and judges. */
  pass(ms: number, setMs = 0): boolean {
    const { wallMs, farmMs } = this.now
    this.now = { wallMs: wallMs + ms + setMs, farmMs: farmMs + ms }
    this.trust = judgeWall(this.trust, this.now)
    return this.trust.doubt === undefined
  }
}

describe("the system's clock", () => {
  test('is believed at first, and as long as it goes with time', () => {
    const machine = new Machine()
    assert.equal(machine.pass(0), true)
    assert.equal(machine.pass(400 * DAY_MS), true)
    assert.equal(machine.pass(HOUR_MS, DAY_MS), true, 'a day ahead may be a night that the machine was off')
    assert.equal(machine.pass(HOUR_MS, -YEAR_MS), true)
  })

  test('that jumps ahead is not believed for a day', () => {
    const machine = new Machine()
    machine.pass(0)
    assert.equal(machine.pass(HOUR_MS, YEAR_MS), false)
    assert.deepEqual(describeDoubt(machine.trust as WallTrust), {
      aheadMs: YEAR_MS,
      believedInMs: DAY_MS,
    })
    for (let hour = 1; hour < 24; hour += 1) assert.equal(machine.pass(HOUR_MS), false)
    assert.equal(machine.pass(HOUR_MS), true)
    assert.equal(machine.pass(HOUR_MS), true)
    assert.equal(describeDoubt(machine.trust as WallTrust), undefined)
  })

  test('is believed at once when it is set back', () => {
    const machine = new Machine()
    machine.pass(0)
    machine.pass(HOUR_MS, YEAR_MS)
    assert.equal(machine.pass(HOUR_MS, -YEAR_MS), true)
    assert.equal(machine.pass(HOUR_MS, YEAR_MS), false, 'and is not when it jumps once more')
  })

  test('that jumps again while it is doubted is doubted anew', () => {
    const machine = new Machine()
    machine.pass(0)
    machine.pass(HOUR_MS, YEAR_MS)
    assert.equal(machine.pass(23 * HOUR_MS, YEAR_MS), false)
    assert.equal(machine.pass(HOUR_MS), false)
    assert.equal(machine.pass(23 * HOUR_MS), true)
  })

  test('of a machine that is off at night is believed after its weekend, on the third day', () => {
    const machine = new Machine()
    machine.pass(0)
    const night = 16 * HOUR_MS
    const days = [machine.pass(HOUR_MS, 3 * DAY_MS)]
    for (let day = 1; day < 5; day += 1) days.push(machine.pass(8 * HOUR_MS), machine.pass(0, night))
    assert.deepEqual(days, [false, false, false, false, false, true, true, true, true])
  })
})
