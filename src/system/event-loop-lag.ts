import { monitorEventLoopDelay } from 'node:perf_hooks'

import type { BoundHistogram } from './tally.ts'

/** How often it is looked at, in milliseconds: what holds up a thread for longer than that is seen each time, shorter pauses in proportion. */
const LOOK_MS = 100
/** How often what was seen is told of, in milliseconds. */
const TELL_MS = 5_000

/**
 * Watches how late turns of this thread begin. Node looks without a call of JavaScript: one that comes ten times a second takes 0.1 ms each time,
 * which requests wait for.
 * @returns what ends it, and tells of the rest
 */
export function watchEventLoop(lag: BoundHistogram): () => void {
  const delays = monitorEventLoopDelay({ resolution: LOOK_MS })
  delays.enable()
  const tell = () => {
    const { count } = delays
    for (let at = 0; at < count; at += 1) {
      // The one at that place of all in their order, in nanoseconds since the look before it.
      const sinceNs = delays.percentile(((at + 0.5) / count) * 100)
      lag.observe(Math.max(0, sinceNs / 1e6 - LOOK_MS) / 1000)
    }
    delays.reset()
  }
  const timer = setInterval(tell, TELL_MS).unref()
  return () => {
    clearInterval(timer)
    tell()
    delays.disable()
  }
}
