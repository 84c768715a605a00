import { setTimeout as sleep } from 'node:timers/promises'

/** What may come at once after a while without any, in milliseconds of the rate. */
const BURST_MS = 250
/** Nobody sleeps for longer without looking whether a client waits by now, in milliseconds. */
const LONGEST_SLEEP_MS = 500

/** What time is measured with, and let pass. */
export interface ThrottleClock {
  /** Milliseconds that only go forward. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<unknown>
}

const CLOCK: ThrottleClock = { now: () => performance.now(), sleep }

/** Holds bytes that nobody waits for to a rate, whatever number of transfers they come by. */
export class Throttle {
  readonly #bytesPerSecond: () => number | undefined
  readonly #clock: ThrottleClock
  /** When what was let through would have come at the rate. */
  #dueAt = 0

  /** @param bytesPerSecond asked each time, since it can be configured anew; undefined is no bound */
  constructor(bytesPerSecond: () => number | undefined, clock: ThrottleClock = CLOCK) {
    this.#bytesPerSecond = bytesPerSecond
    this.#clock = clock
  }

  /** Resolves when so many bytes may go on; at once when they have become urgent. Rejects with the signal's reason. */
  async pass(bytes: number, isUrgent: () => boolean, signal?: AbortSignal): Promise<void> {
    const rate = this.#bytesPerSecond()
    if (rate === undefined || isUrgent()) return
    const { now, sleep: rest } = this.#clock
    this.#dueAt = Math.max(this.#dueAt, now() - BURST_MS) + (bytes * 1000) / rate
    const dueAt = this.#dueAt
    for (;;) {
      const waitMs = dueAt - now()
      if (waitMs <= 0 || isUrgent()) return
      signal?.throwIfAborted()
      await rest(Math.min(waitMs, LONGEST_SLEEP_MS))
    }
  }
}
