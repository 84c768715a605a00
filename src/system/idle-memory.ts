import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How often it is looked at, in milliseconds. */
const LOOK_MS = 2_000
/** Of its time, what a thread that has nothing to do is busy with at most. */
const IDLE_PART = 0.02
/** For so many looks in a row: what a start has left goes soon. */
const FIRST_LOOKS = 2
/** What a busy time has left, not before ten minutes: for a second or two after it the slowest hundredth of hits wait three times as long. */
const LATER_LOOKS = 300
/** Less than that is not worth the pause: some 2 ms for each megabyte that stays. */
const WORTH_BYTES = 8 << 20
/** A heap that is larger is left alone: who comes during the pause would wait for too long. */
const MAX_BYTES = 96 << 20

/** What a process is asked for while its memory is looked after. */
export interface OwnMemory {
  /** The part of its time that this thread was busy, from 0 to 1, since it was asked last. */
  busyPart(): number
  /** Bytes of the heap: what is in use, and all of it. */
  heap(): { readonly usedBytes: number; readonly totalBytes: number }
  /** Collects all garbage, and gives back what was held for more. */
  collect(): void
}

/**
 * Gives memory back once there is nothing to do: what a start or a busy time took, V8 keeps for the next one, and young generations have grown to
 * 16 MiB each by then, which those who serve many requests win by. @returns what ends it
 */
export function trimWhenIdle(memory: OwnMemory = ownMemory()): () => void {
  let idleLooks = 0
  let leftBytes: number | undefined
  const timer = setInterval(() => {
    idleLooks = memory.busyPart() < IDLE_PART ? idleLooks + 1 : 0
    if (idleLooks < (leftBytes === undefined ? FIRST_LOOKS : LATER_LOOKS)) return
    const { usedBytes, totalBytes } = memory.heap()
    if (usedBytes > MAX_BYTES || totalBytes < (leftBytes ?? 0) + WORTH_BYTES) return
    memory.collect()
    leftBytes = memory.heap().totalBytes
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** This process's. */
export function ownMemory(): OwnMemory {
  let last = performance.eventLoopUtilization()
  return {
    busyPart: () => {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, last)
      last = now
      return utilization
    },
    heap: () => {
      const { heapUsed, heapTotal } = process.memoryUsage()
      return { usedBytes: heapUsed, totalBytes: heapTotal }
    },
    collect: () => {
      // Contexts that are made from now on have it; ours, and what is loaded in it, have not.
      setFlagsFromString('--expose-gc')
      const collect = runInNewContext('gc') as NodeJS.GCFunction
      setFlagsFromString('--no-expose-gc')
      collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    },
  }
}
