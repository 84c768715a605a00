import { setImmediate as nextTurn } from 'node:timers/promises'

import { PinyonError } from '../../src/model/errors.ts'
import type { PackageReader } from '../../src/snapshot/prefetch/package-fetches.ts'

/** As much comes in a turn of the event loop, in bytes. */
const STEP_BYTES = 10_000

/** How a file comes. */
export interface Coming {
  readonly bytes: Buffer
  /** It breaks off behind these, as wrong; never unless told. */
  readonly wrongAt?: number
  /** Told when somebody begins to wait for some of it, and when he has got it. */
  readonly onWait?: (change: 1 | -1) => void
}

/** Reads a file that comes a step in each turn of the event loop. */
export function readComing({ bytes, wrongAt = Infinity, onWait }: Coming): PackageReader {
  const afterTurn = async <T>(get: () => T): Promise<T> => {
    onWait?.(1)
    await nextTurn()
    onWait?.(-1)
    return get()
  }
  const check = (end: number) => {
    if (end > wrongAt) throw new PinyonError('DIGEST_MISMATCH', 'its second half is another file')
  }
  const verified = () =>
    afterTurn(() => {
      check(bytes.length)
      return bytes.length
    })
  const next = (position: number, count: number) => {
    const end = Math.min(position + STEP_BYTES, position + count, bytes.length)
    check(end)
    return bytes.subarray(position, end)
  }
  return {
    outcome: 'fill',
    read: (target, position) => afterTurn(() => next(position, target.length).copy(target)),
    // Every other step is not in memory any more.
    lend: async (position, count) =>
      position % (2 * STEP_BYTES) < STEP_BYTES
        ? await afterTurn(() => ({ bytes: next(position, count), release: () => undefined }))
        : undefined,
    bytesPerSecond: () => 1e6,
    progress: () => 'it is coming',
    verified,
    stored: verified,
    release: () => undefined,
  }
}
