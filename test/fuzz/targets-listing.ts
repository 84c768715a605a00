import assert from 'node:assert/strict'

import { parseDigest } from '../../src/model/digest.ts'
import { PinyonError } from '../../src/model/errors.ts'
import type { MirrorListing } from '../../src/model/mirror-listing.ts'
import { parseMetalink } from '../../src/repodata/metalink.ts'
import { parseMirrorlist } from '../../src/repodata/mirrorlist.ts'
import { formatMetalink, formatMetalink4 } from '../support/metalink.ts'
import { kindOf, type FuzzTarget } from './target.ts'

const VARIABLES = new Map([
  ['basearch', 'x86_64'],
  ['releasever', '9'],
])
const TEXT = {
  repomds: [
    { bytes: Buffer.from('a'), timestamp: 2 },
    { bytes: Buffer.from('b'), timestamp: 1 },
  ],
  urls: [
    'https://h/x/repodata/repomd.xml',
    'rsync://h/repodata/repomd.xml',
    'http://i/$basearch/repodata/repomd.xml',
  ],
}
const URL_WORDS = [
  'http://',
  'https://',
  'ftp://',
  '//',
  '@',
  ':',
  '?',
  '#',
  '%2f',
  '../',
  '[::1]',
  '\\',
  '$basearch',
  '${releasever}',
  '$x',
  '/repodata/repomd.xml',
  '\0',
  '\u00e9',
]

/** Metalinks: only places that can be asked, only digests that can be compared. */
export const METALINKS: FuzzTarget = {
  name: 'metalinks',
  seeds: [formatMetalink(TEXT), formatMetalink4(TEXT), '<html><body>Please log in</body></html>'],
  words: [
    ...URL_WORDS,
    '<file name="repomd.xml">',
    '</file>',
    '<files>',
    '<url>',
    '</url>',
    '<hash type="sha256">',
    '<mm0:alternate>',
    '<verification>',
    '<size>',
    'preference="',
    'priority="1"',
    '<!DOCTYPE x [',
    '<!ENTITY e "',
    '&e;',
    '&#0;',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<?',
    'xmlns:mm0="',
  ],
  check: (input) => outcomeOf(() => parseMetalink(input, VARIABLES)),
}

/** Mirrorlists: as above. */
export const MIRRORLISTS: FuzzTarget = {
  name: 'mirrorlists',
  seeds: [
    '# repo = r\nhttp://h/x/\nhttps://h/x\n http://i/$basearch # near\n',
    'Invalid arch\n',
    formatMetalink(TEXT),
  ],
  words: [...URL_WORDS, '\n', '\r', '#', ',', ' ', '<', '<metalink>'],
  check: (input) => outcomeOf(() => parseMirrorlist(input, VARIABLES)),
}

function outcomeOf(parse: () => MirrorListing): string {
  let listing: MirrorListing
  try {
    listing = parse()
  } catch (error) {
    assert.ok(error instanceof PinyonError && error.code === 'REPODATA_MALFORMED', String(error))
    return kindOf(error.message)
  }
  const { baseurls, repomds, kind } = listing
  assert.ok(baseurls.length > 0 && baseurls.length <= 32)
  assert.equal(new Set(baseurls).size, baseurls.length)
  for (const baseurl of baseurls) {
    const url = new URL(baseurl)
    assert.equal(url.href, baseurl)
    assert.match(url.protocol, /^https?:$/)
    assert.ok(url.pathname.endsWith('/') && !/[?#{}$]/.test(baseurl))
    assert.deepEqual([url.username, url.password], ['', ''])
  }
  for (const { digests, timestamp } of repomds) {
    assert.ok(digests.length > 0)
    for (const digest of digests) assert.equal(parseDigest(digest), digest)
    assert.ok(timestamp === undefined || Number.isSafeInteger(timestamp))
  }
  return `${kind}: ${Math.min(baseurls.length, 5)} mirrors, ${Math.min(repomds.length, 5)} repomds`
}
