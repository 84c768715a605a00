import type { Advisory } from '../model/advisory.ts'
import { DOING } from './advisory-element.ts'
import { malformed } from './malformed.ts'
import { UpdateinfoScanner } from './updateinfo-scanner.ts'
import { joinWindows } from './windows.ts'

/** A hundred times what Fedora and RHEL have. */
const MAX_ADVISORIES = 500_000

/**
 * Reads decompressed updateinfo.xml as it arrives, cut anywhere, into batches of advisories; updates without an id are left out. Ends
 * normally only at the document's proper end. Memory is bounded by the largest element, which may have 16 MiB.
 * Throws REPODATA_MALFORMED when the document is cut short, not XML, not an updateinfo.xml, has a document type declaration, an encoding
 * other than UTF-8, US-ASCII and ISO-8859-1, or more advisories than any repository.
 */
export async function* readUpdateinfo(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<readonly Advisory[], void, undefined> {
  const scanner = new UpdateinfoScanner()
  let count = 0
  const check = (advisories: readonly Advisory[]) => {
    count += advisories.length
    if (count > MAX_ADVISORIES) throw malformed(DOING, `more than ${MAX_ADVISORIES} advisories`)
    return advisories
  }
  for await (const bytes of joinWindows(chunks, scanner)) yield check(scanner.scan(bytes))
  scanner.finish()
}
