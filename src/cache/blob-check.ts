import { closeSync, openSync, readSync } from 'node:fs'

import { digestAlgorithm, finishDigest, startDigest, type Digest } from '../model/digest.ts'

/** What a stored blob was found to be. `wrong` says how it is not what its name says. */
export interface CheckedBlob {
  /** Bytes read. */
  readonly size: number
  readonly wrong?: string
}

/** Read at a time, in bytes. */
const PIECE_BYTES = 1 << 20

/**
 * Reads a blob's file and holds it against its digest; a file that seems wrong is read once more. It blocks its thread: not for one that
 * serves.
 * @returns undefined when there is no such file
 */
export function checkBlobFile(path: string, digest: Digest): CheckedBlob | undefined {
  const first = readAndHash(path, digest)
  return first?.wrong === undefined ? first : readAndHash(path, digest)
}

function readAndHash(path: string, digest: Digest): CheckedBlob | undefined {
  let size = 0
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    const algorithm = digestAlgorithm(digest)
    const hash = startDigest(algorithm)
    for (;;) {
      const count = readSync(descriptor, piece)
      if (count === 0) break
      hash.update(piece.subarray(0, count))
      size += count
    }
    const found = finishDigest(algorithm, hash)
    return found === digest ? { size } : { size, wrong: `its bytes are ${found}` }
  } catch (error) {
    const { code = 'unknown', message } = error as NodeJS.ErrnoException
    if (descriptor === undefined && code === 'ENOENT') return undefined
    return { size, wrong: `it cannot be read: ${code === 'unknown' ? message : code}` }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
