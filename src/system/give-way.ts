import { getPriority, setPriority } from 'node:os'

/** By so much of 19, as `nice` has it: a tenth of the processor where somebody else wants all of it. */
const STEPS = 10
const LAST = 19

/**
 * Has the thread that calls this give way to those that answer clients, while there are not enough processors for both. Only on Linux, where
 * threads have priorities of their own; elsewhere it would be the whole process's.
 */
export function giveWay(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(Math.min(getPriority() + STEPS, LAST))
  } catch {
    // Where that is forbidden it goes on as it is.
  }
}
