import { setTimeout as sleep } from 'node:timers/promises'

/** What may come at once after a while without any, in milliseconds of the rate. */
const BURST_MS = 250
/** Nobody sleeps for longer without looking whether a client waits by now, in milliseconds. */
const LONGEST_SLEEP_MS = 500

/** Holds bytes that nobody waits for to a rate, whatever number of transfers they come by. */
export class Throttle {
  readonly #bytesPerSecond: () => number | undefined
  /** When what was let through would have come at the rate. */
  #dueAt = 0

  /** @param bytesPerSecond asked each time, since it can be configured anew; undefined is no bound */
  constructor(bytesPerSecond: () => number | undefined) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Resolves when so many bytes may go on; at once when they have become urgent. Rejects with the signal's reason. */
  async pass(bytes: number, isUrgent: () => boolean, signal: AbortSignal): Promise<void> {
    const rate = this.#bytesPerSecond()
    if (rate === undefined || isUrgent()) return
    this.#dueAt = Math.max(this.#dueAt, performance.now() - BURST_MS) + (bytes * 1000) / rate
    const dueAt = this.#dueAt
    for (;;) {
      const waitMs = dueAt - performance.now()
      if (waitMs <= 0 || isUrgent()) return
      signal.throwIfAborted()
      await sleep(Math.min(waitMs, LONGEST_SLEEP_MS))
    }
  }
}
