import type { MirrorListing } from '../model/mirror-listing.ts'
import { selectRoots } from './listed-urls.ts'
import { malformed } from './malformed.ts'
import { isMetalink, parseMetalink } from './metalink.ts'

const DOING = 'reading a mirrorlist'

/**
 * Reads a mirrorlist: a URL a line, or several with blanks between, comments from `#` on. What is no URL of http or https is passed over;
 * a list without any is refused, as is a page that came in its place. A metalink is read as one, as yum and dnf do.
 *
 * @param variables by name, for `$basearch` and the like in its URLs
 * @throws PinyonError REPODATA_MALFORMED. It quotes nothing: what came may not be everybody's
 */
export function parseMirrorlist(bytes: Buffer, variables: ReadonlyMap<string, string>): MirrorListing {
  if (isMetalink(bytes)) return parseMetalink(bytes, variables)
  const text = bytes.toString('latin1')
  const size = `${bytes.length} bytes`
  if (/^\s*</.test(text)) throw malformed(DOING, `an HTML page or other XML of ${size}`)
  const baseurls = selectRoots(readUrls(text), '', variables)
  if (baseurls.length === 0)
    throw malformed(DOING, `no line of it is an http or https URL without variables: ${size}`)
  return { kind: 'mirrorlist', baseurls, repomds: [] }
}

function* readUrls(text: string): Iterable<string> {
  for (const [line] of text.matchAll(/[^\r\n]+/g))
    for (const [word] of line.replace(/(?:^|[ \t])#.*$/, '').matchAll(/[^\s,]+/g)) yield word
}
