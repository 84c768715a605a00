import { type PrimaryBatch, PrimaryScanner, WINDOW_BYTES } from './primary-scanner.ts'

/**
 * Reads decompressed primary.xml (the format createrepo_c writes, in any form XML allows) as it arrives, cut anywhere, into
 * batches of records. Yields at least one batch; an empty one if need be. Ends normally only at the document's proper end.
 * Memory is bounded by the largest element, which may have 16 MiB, whatever the document's size.
 * Throws REPODATA_MALFORMED when the document is cut short, not XML, not a primary.xml, has a document type declaration or an
 * encoding other than UTF-8, US-ASCII and ISO-8859-1, or a package without name, arch, version, checksum or location.
 */
export async function* readPrimary(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<PrimaryBatch, void, undefined> {
  const scanner = new PrimaryScanner()
  let waiting: Buffer[] = []
  let waitingBytes = 0
  for await (const chunk of chunks) {
    waiting.push(chunk)
    waitingBytes += chunk.length
    // As much again as is pending, so that an element in many pieces is not read anew with each of them.
    if (waitingBytes < Math.max(WINDOW_BYTES, scanner.pendingBytes)) continue
    const batch = scanner.scan(waiting.length === 1 ? chunk : Buffer.concat(waiting))
    waiting = []
    waitingBytes = 0
    yield batch
  }
  yield scanner.scan(Buffer.concat(waiting))
  yield scanner.finish()
}
