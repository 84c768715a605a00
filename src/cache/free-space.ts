import { statfsSync } from 'node:fs'

/** What blobs leave free, so that the database on the same disk goes on: this, or a twentieth of a small disk. */
const SPARED_BYTES = 256 << 20

/**
 * How many more bytes of blobs a directory's disk can take; negative when it is so full that some should go. Bytes that are being written
 * are not free any more. Without a limit where the system does not tell.
 */
export function readFreeBytes(directory: string): number {
  try {
    const { bsize, bavail, blocks } = statfsSync(directory)
    if (blocks === 0) return Number.POSITIVE_INFINITY
    return bsize * bavail - Math.min(SPARED_BYTES, (bsize * blocks) / 20)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Bytes that a directory's disk has free for this process; undefined where the system does not tell. */
export function readDiskFree(directory: string): number | undefined {
  try {
    const { bsize, bavail, blocks } = statfsSync(directory)
    return blocks === 0 ? undefined : bsize * bavail
  } catch {
    return undefined
  }
}
