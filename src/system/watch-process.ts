import { watchEventLoop } from './event-loop-lag.ts'
import type { Tally } from './tally.ts'

/** Has the figures that every serving process has counted: itself, its memory, its processor time, and how late its turns begin. @returns what ends it */
export function watchProcess(tally: Tally): () => void {
  tally.level('workers', () => 1)
  tally.level('process_resident_memory_bytes', () => process.memoryUsage.rss())
  tally.meter('process_cpu_seconds_total', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  return watchEventLoop(tally.histogram('event_loop_lag_seconds'))
}
