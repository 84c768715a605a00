import type { TestContext } from 'node:test'

/** A timer of a clock that a test moves on. */
class StoppedTimer {
  readonly #clock: StoppedClock
  readonly #delayMs: number
  readonly tell: () => void
  dueMs = 0

  constructor(clock: StoppedClock, tell: () => void, delayMs: number) {
    this.#clock = clock
    this.#delayMs = delayMs
    this.tell = tell
    this.refresh()
  }

  refresh(): this {
    this.dueMs = this.#clock.nowMs + this.#delayMs
    this.#clock.timers.add(this)
    return this
  }

  unref(): this {
    return this
  }
}

/** The time of `setTimeout`, which stands still. node:test has one as well, whose timers know no `refresh`. */
export class StoppedClock {
  readonly timers = new Set<StoppedTimer>()
  nowMs = 0

  /** Has every timer that is set from now on go by it, up to the test's end. */
  static stop(t: TestContext): StoppedClock {
    const clock = new StoppedClock()
    const set = (tell: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
      new StoppedTimer(clock, () => tell(...args), delayMs)
    t.mock.method(globalThis, 'setTimeout', set as unknown as typeof setTimeout)
    const { clearTimeout: clear } = globalThis
    t.mock.method(globalThis, 'clearTimeout', (timer: unknown) => {
      if (timer instanceof StoppedTimer) clock.timers.delete(timer)
      else clear(timer as NodeJS.Timeout)
    })
    return clock
  }

  /** Lets so much time go by at once: what is due is told, in no order. */
  pass(ms: number): void {
    this.nowMs += ms
    for (const timer of [...this.timers].filter(({ dueMs }) => dueMs <= this.nowMs)) {
      this.timers.delete(timer)
      timer.tell()
    }
  }
}
