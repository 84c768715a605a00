/**
 * Loaded before a server (`node --import`), notes for how long its event loop has been held up, in processor time of the serving thread,
 * and answers SIGUSR2 on standard error with the longest since it was asked last, as `turn <milliseconds>`. It looks every millisecond:
 * what the loop did between two looks is at most a millisecond more than its longest turn.
 */
import { writeSync } from 'node:fs'

const STANDARD_ERROR = 2

let before = process.threadCpuUsage()
let longest = 0

setInterval(() => {
  const { user, system } = process.threadCpuUsage(before)
  longest = Math.max(longest, user + system)
  before = process.threadCpuUsage()
}, 1).unref()

process.on('SIGUSR2', () => {
  writeSync(STANDARD_ERROR, `turn ${(longest / 1_000).toFixed(1)}\n`)
  longest = 0
})
