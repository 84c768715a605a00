import { type PrimaryBatch, PrimaryScanner } from './primary-scanner.ts'
import { joinWindows } from './windows.ts'

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
  for await (const bytes of joinWindows(chunks, scanner)) yield scanner.scan(bytes)
  yield scanner.finish()
}
