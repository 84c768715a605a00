import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { PinyonError, type ErrorCode } from '../../src/model/errors.ts'
import { Scheduler, type SchedulerOptions } from '../../src/snapshot/scheduler.ts'
import type { Snapshot } from '../../src/snapshot/store.ts'
import type { SyncResult } from '../../src/snapshot/sync.ts'
import { gate, type Gate } from '../support/gate.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** A scheduler whose time passes only when told, and syncs that are only noted. */
class Bench {
  readonly scheduler: Scheduler
  /** Each sync begun, as `mirror at minute`. */
  readonly log: string[] = []
  /** How the next syncs end: `ok`, a code, or a thrown error. */
  outcome: 'ok' | 'throw' | ErrorCode = 'ok'
  /** What an error says beside its code. */
  facts: Readonly<Record<string, number>> = {}
  /** Nothing that begins ends before it opens. */
  hold: Gate | undefined
  running = 0
  mostRunning = 0
  checkedAt: () => Promise<number | undefined> = async () => undefined
  #nowMs = 0
  readonly #t: TestContext

  constructor(t: TestContext, options: Partial<SchedulerOptions> = {}) {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    this.#t = t
    this.scheduler = new Scheduler({
      sync: (mirror) => this.#sync(mirror),
      checkedAt: () => this.checkedAt(),
      now: () => this.#nowMs,
      random: () => 0,
      ...options,
    })
  }

  /** Lets so much time pass, a minute at a time, and what it brings about happen. */
  async pass(ms: number): Promise<void> {
    await settle()
    for (let passed = 0; passed < ms; passed += MINUTE_MS) {
      const step = Math.min(MINUTE_MS, ms - passed)
      this.#nowMs += step
      this.#t.mock.timers.tick(step)
      await settle()
    }
  }

  /** The clock is set, without that time passes. */
  setClock(nowMs: number): void {
    this.#nowMs = nowMs
  }

  /** The minutes of the syncs so far; forgets them. */
  takeLog(): string[] {
    return this.log.splice(0)
  }

  async #sync(mirror: string): Promise<SyncResult> {
    this.log.push(`${mirror} ${this.#nowMs / MINUTE_MS}`)
    this.mostRunning = Math.max(this.mostRunning, (this.running += 1))
    await this.hold?.opened
    this.running -= 1
    if (this.outcome === 'throw') throw new Error('not as promised')
    if (this.outcome === 'ok') return { mirror, outcome: 'unchanged', snapshot: {} as Snapshot }
    return { mirror, outcome: 'failed', error: new PinyonError(this.outcome, 'down', this.facts) }
  }
}

/** Lets everything happen that waits for no timer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

function hourly(...names: string[]): { name: string; intervalMs: number }[] {
  return names.map((name) => ({ name, intervalMs: HOUR_MS }))
}

describe('a scheduler', () => {
  test('syncs all but those that are off at start, and then at their intervals', async (t) => {
    const bench = new Bench(t)
    bench.scheduler.schedule([
      ...hourly('a'),
      { name: 'b', intervalMs: 2 * HOUR_MS },
      { name: 'c', intervalMs: 'off' },
    ])
    await bench.pass(4.5 * HOUR_MS)
    assert.deepEqual(bench.log, ['a 0', 'b 0', 'a 60', 'b 120', 'a 120', 'a 180', 'b 240', 'a 240'])
    assert.equal((await bench.scheduler.sync('c')).outcome, 'unchanged')
    await bench.pass(30 * MINUTE_MS)
    assert.deepEqual(bench.takeLog().slice(8), ['c 270', 'a 300'])
  })

  test('adds up to a tenth of the interval at random', async (t) => {
    const bench = new Bench(t, { random: () => 0.999 })
    bench.scheduler.schedule(hourly('a'))
    await bench.pass(HOUR_MS + 5 * MINUTE_MS)
    assert.deepEqual(bench.takeLog(), ['a 0'])
    await bench.pass(MINUTE_MS)
    assert.deepEqual(bench.takeLog(), ['a 66'])
  })

  test('waits for an interval that is longer than a timer can be', async (t) => {
    const month = 30 * 24 * HOUR_MS
    const bench = new Bench(t)
    bench.checkedAt = async () => 0
    bench.scheduler.schedule([{ name: 'a', intervalMs: 2 * month }])
    await settle()
    t.mock.timers.tick(1)
    await settle()
    assert.deepEqual(bench.takeLog(), ['a 0'])
    for (let day = 1; day <= 51; day += 1) {
      bench.setClock(day * 24 * HOUR_MS)
      t.mock.timers.tick(24 * HOUR_MS)
      await settle()
    }
    // A timer can be of 24.8 days: the first one finds a mirror that was checked, the second one looks.
    assert.deepEqual(bench.takeLog(), [`a ${50 * 24 * 60}`])
  })

  test('tries a mirror that fails again after 1, 2, 4 … 30 minutes, and no later than its interval', async (t) => {
    const bench = new Bench(t)
    bench.outcome = 'UPSTREAM_UNREACHABLE'
    bench.scheduler.schedule(hourly('a'))
    await bench.pass(125 * MINUTE_MS)
    assert.deepEqual(bench.takeLog(), ['a 0', 'a 1', 'a 3', 'a 7', 'a 15', 'a 31', 'a 61', 'a 91', 'a 121'])
    bench.outcome = 'ok'
    await bench.pass(2 * HOUR_MS)
    assert.deepEqual(bench.takeLog(), ['a 151', 'a 211'])
    bench.outcome = 'UPSTREAM_STATUS'
    await bench.pass(HOUR_MS)
    assert.deepEqual(bench.takeLog(), ['a 271', 'a 272', 'a 274', 'a 278', 'a 286', 'a 302'])
  })

  test('leaves an upstream alone for as long as that wants, and then goes on as before', async (t) => {
    const bench = new Bench(t)
    bench.outcome = 'UPSTREAM_DOWN'
    bench.facts = { retryAfterSeconds: 600 }
    bench.scheduler.schedule(hourly('a'))
    await bench.pass(21 * MINUTE_MS)
    assert.deepEqual(bench.takeLog(), ['a 0', 'a 10', 'a 20'])
    bench.outcome = 'UPSTREAM_STATUS'
    bench.facts = { retryAfterMs: 300_000 }
    await bench.pass(15 * MINUTE_MS)
    assert.deepEqual(bench.takeLog(), ['a 30'])
    bench.outcome = 'ok'
    await bench.pass(3 * HOUR_MS)
    assert.deepEqual(bench.takeLog(), ['a 38', 'a 98', 'a 158'])
  })

  test('tries no sooner than the interval where that is short', async (t) => {
    const bench = new Bench(t)
    bench.outcome = 'UPSTREAM_UNREACHABLE'
    bench.scheduler.schedule([{ name: 'a', intervalMs: 3 * MINUTE_MS }])
    await bench.pass(13 * MINUTE_MS)
    assert.deepEqual(bench.takeLog(), ['a 0', 'a 1', 'a 3', 'a 6', 'a 9', 'a 12'])
  })

  test('takes it for no failure that another process syncs the mirror', async (t) => {
    const bench = new Bench(t)
    bench.outcome = 'SYNC_RUNNING'
    bench.scheduler.schedule(hourly('a'))
    await bench.pass(HOUR_MS)
    assert.deepEqual(bench.takeLog(), ['a 0', 'a 60'])
  })

  test('goes on when a sync or the store throws', async (t) => {
    const bench = new Bench(t)
    bench.outcome = 'throw'
    bench.checkedAt = () => Promise.reject(new Error('database is locked'))
    bench.scheduler.schedule(hourly('a'))
    await bench.pass(4 * MINUTE_MS)
    bench.outcome = 'ok'
    await bench.pass(4 * MINUTE_MS)
    assert.deepEqual(bench.takeLog(), ['a 0', 'a 1', 'a 3', 'a 7'])
    await assert.doesNotReject(bench.scheduler.sync('a'))
  })

  test('joins a sync that runs or waits', async (t) => {
    const bench = new Bench(t)
    bench.hold = gate()
    const first = bench.scheduler.sync('a')
    assert.equal(bench.scheduler.sync('a'), first)
    await settle()
    assert.equal(bench.scheduler.sync('a'), first)
    bench.hold.open()
    await first
    assert.deepEqual(bench.log, ['a 0'])
    await bench.scheduler.sync('a')
    assert.deepEqual(bench.log, ['a 0', 'a 0'])
  })

  test('runs four syncs at once, in the order they were asked for', async (t) => {
    const bench = new Bench(t)
    bench.hold = gate()
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
    bench.scheduler.schedule(hourly(...names))
    await settle()
    assert.deepEqual(bench.log, ['a 0', 'b 0', 'c 0', 'd 0'])
    bench.hold.open()
    await settle()
    assert.deepEqual([bench.log.length, bench.mostRunning], [9, 4])
  })

  test('lets syncs that wait for their upstreams keep no others from their turn, up to 32 in all', async (t) => {
    const bench = new Bench(t)
    bench.hold = gate()
    const names = Array.from({ length: 40 }, (_, index) => `m${index}`)
    bench.scheduler.schedule(hourly(...names))
    await settle()
    assert.equal(bench.running, 4)
    await bench.pass(MINUTE_MS)
    assert.deepEqual([bench.running, bench.scheduler.waiting.length], [8, 32])
    await bench.pass(20 * MINUTE_MS)
    assert.deepEqual([bench.running, bench.scheduler.waiting.length], [32, 8])
    bench.hold.open()
    await settle()
    assert.equal(bench.log.length, 40)
  })

  test('tells which wait for their turn, and in which order', async (t) => {
    const bench = new Bench(t)
    bench.hold = gate()
    const syncs = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => bench.scheduler.sync(name))
    await settle()
    assert.deepEqual(bench.scheduler.waiting, ['e', 'f', 'g'])
    assert.equal(bench.scheduler.asked.length, 7)
    void bench.scheduler.sync('f')
    assert.deepEqual(bench.scheduler.waiting, ['e', 'f', 'g'], 'whoever joins changes nothing')
    bench.hold.open()
    await Promise.all(syncs)
    assert.deepEqual([bench.scheduler.waiting, bench.scheduler.asked], [[], []])
  })

  test('leaves out a mirror that another process has just looked at', async (t) => {
    const bench = new Bench(t)
    bench.scheduler.schedule(hourly('a'))
    bench.checkedAt = async () => 40 * MINUTE_MS
    await bench.pass(HOUR_MS)
    assert.deepEqual(bench.takeLog(), ['a 0'])
    await bench.pass(HOUR_MS)
    assert.deepEqual(bench.takeLog(), ['a 120'], 'that was 80 minutes before')
  })

  test('does not take a look in the future for a recent one: the clock was set back', async (t) => {
    const bench = new Bench(t)
    bench.scheduler.schedule(hourly('a'))
    bench.checkedAt = async () => 10_000 * HOUR_MS
    await bench.pass(HOUR_MS)
    assert.deepEqual(bench.takeLog(), ['a 0', 'a 60'])
  })
})

describe('a scheduler that is closed', () => {
  test('waits for what runs, and begins nothing that waited', async (t) => {
    const bench = new Bench(t)
    bench.hold = gate()
    const results = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => bench.scheduler.sync(name))
    await settle()
    const closed = bench.scheduler.close()
    assert.equal(await Promise.race([closed.then(() => 'closed'), settle().then(() => 'waits')]), 'waits')
    bench.hold.open()
    await closed
    assert.equal(bench.running, 0)
    assert.equal(bench.log.length, 4)
    const codes = (await Promise.all(results)).map(
      (result) => result.outcome === 'failed' && result.error.code,
    )
    assert.deepEqual(codes, [false, false, false, false, 'SHUTTING_DOWN', 'SHUTTING_DOWN'])
  })

  test('plans nothing more: not what waited for its time, nor what ran', async (t) => {
    const bench = new Bench(t)
    bench.scheduler.schedule(hourly('a', 'b'))
    await settle()
    bench.hold = gate()
    const running = bench.scheduler.sync('b')
    await settle()
    const closed = bench.scheduler.close()
    bench.hold.open()
    await Promise.all([closed, running])
    bench.checkedAt = () => Promise.reject(new Error('the store is closed'))
    const asked = t.mock.method(bench, 'checkedAt')
    await bench.pass(3 * HOUR_MS)
    assert.equal(asked.mock.callCount(), 0)
    assert.deepEqual(bench.log, ['a 0', 'b 0', 'b 0'])
  })

  test('begins nothing when its time came just before', async (t) => {
    const bench = new Bench(t)
    bench.scheduler.schedule(hourly('a'))
    await settle()
    const asked = gate()
    bench.checkedAt = async () => {
      await asked.opened
      return undefined
    }
    t.mock.timers.tick(HOUR_MS)
    await settle()
    await bench.scheduler.close()
    asked.open()
    await bench.pass(2 * HOUR_MS)
    assert.deepEqual(bench.log, ['a 0'])
  })

  test('fails what is asked of it afterwards', async (t) => {
    const bench = new Bench(t)
    await bench.scheduler.close()
    const result = await bench.scheduler.sync('a')
    assert.ok(result.outcome === 'failed' && result.error.code === 'SHUTTING_DOWN')
    assert.deepEqual(bench.log, [])
  })
})
