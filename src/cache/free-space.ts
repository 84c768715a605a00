import { statfsSync } from 'node:fs'

/** What blobs leave free, so that the database on the same disk goes on: this, or a twentieth of a small disk. */
const SPARED_BYTES = 256 << 20

/**
 * How many more bytes of blobs a directory's disk can take; negative when it is so full that some should go. Bytes that are being written
 * are taken already. Without a limit where the system does not tell.
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
