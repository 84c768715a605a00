import type { Blob, BlobStore } from '../cache/blob-store.ts'
import { PinyonError } from '../model/errors.ts'
import type { CandidateFile } from './store.ts'

/** The bytes of a small repodata file. Throws PinyonError STORE_FAILED when its blob cannot be read. */
export async function readWhole(
  blobs: Pick<BlobStore, 'open'>,
  { digest, path }: Pick<CandidateFile, 'digest' | 'path'>,
): Promise<Buffer> {
  const blob = digest === undefined ? undefined : await blobs.open(digest)
  if (blob === undefined) throw new PinyonError('STORE_FAILED', `the blob of ${path} is gone: ${digest}`)
  const bytes = await readAndClose(blob)
  if (bytes === undefined)
    throw new PinyonError('STORE_FAILED', `the blob of ${path} was cut short: ${digest}`)
  return bytes
}

/** All bytes of a small blob; undefined when it was cut short. Closes it. */
export async function readAndClose(blob: Blob): Promise<Buffer | undefined> {
  try {
    const bytes = Buffer.alloc(blob.size)
    for (let at = 0; at < bytes.length;) {
      const count = await blob.read(bytes.subarray(at), at)
      if (count === 0) return undefined
      at += count
    }
    return bytes
  } finally {
    blob.close()
  }
}
