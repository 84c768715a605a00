import type { BoundHistogram } from './tally.ts'

/** How often it is looked at, in milliseconds: what holds up a thread for longer than that is seen each time, shorter pauses in proportion. */
const LOOK_MS = 100

/** Watches how late turns of this thread begin. @returns what ends it */
export function watchEventLoop(lag: BoundHistogram): () => void {
  let dueAt = performance.now() + LOOK_MS
  const timer = setInterval(() => {
    const nowMs = performance.now()
    // A timer of Node may be up to a millisecond early.
    lag.observe(Math.max(0, nowMs - dueAt) / 1000)
    dueAt = nowMs + LOOK_MS
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
