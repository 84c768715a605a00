import type { BlobStore } from '../cache/blob-store.ts'
import type { Digest } from '../model/digest.ts'
import type { CandidateFile } from './store.ts'

/** Stores the bytes of a repodata file that is in memory, unless they are there already. */
export async function storeBytes(
  blobs: BlobStore,
  name: { path: string; type: string },
  bytes: Buffer,
  digest: Digest,
): Promise<CandidateFile> {
  if ((await blobs.keep(digest)) === undefined) {
    const writer = await blobs.create({ digest, size: bytes.length, essential: true })
    try {
      await writer.write(bytes)
      await writer.publish()
    } finally {
      await writer.close()
    }
  }
  return { path: name.path, type: name.type, digest, size: bytes.length }
}
