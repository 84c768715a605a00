import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'

import type { ClockReading } from './farm-clock.ts'

/** Linux makes a new one at each start of the machine. */
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id'

/** Reads all of the machine's clocks at once. */
export type MachineClock = () => ClockReading

/**
 * The clocks of this machine. Where it has no name for its boot, each process counts as one, whose clock no other shares, and about the time
 * before it nothing is known.
 * @param wallMs milliseconds since the epoch; the system's clock unless told
 */
export function openMachineClock(
  wallMs: () => number = Date.now,
  bootIdFile: string = BOOT_ID_FILE,
): MachineClock {
  const bootId = readBootId(bootIdFile)
  if (bootId === undefined) {
    const process = `process ${randomUUID()}`
    return () => ({
      bootId: process,
      monotonicMs: Math.floor(performance.now()),
      uptimeMs: 0,
      wallMs: wallMs(),
    })
  }
  return () => {
    // CLOCK_MONOTONIC: counted from the boot, one for all processes.
    const monotonicMs = Number(process.hrtime.bigint() / 1_000_000n)
    return { bootId, monotonicMs, uptimeMs: monotonicMs, wallMs: wallMs() }
  }
}

/** Some sandboxes have none, or make one up at each look. */
function readBootId(file: string): string | undefined {
  try {
    const [first = '', second] = [0, 1].map(() => readFileSync(file, 'latin1').trim())
    return first !== '' && first === second ? first : undefined
  } catch {
    return undefined
  }
}
