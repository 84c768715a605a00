import assert from 'node:assert/strict'

import { parseDigest } from '../../src/model/digest.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { climbOf, MAX_CLIMB, normalizeHref, normalizePackageHref } from '../../src/model/href.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import { PrimaryScanner } from '../../src/repodata/primary-scanner.ts'
import { baseEnd, hrefsAt, placeOf } from '../../src/model/snapshot-path.ts'
import { parseRepomd, repomdFingerprint } from '../../src/repodata/repomd.ts'
import { matchesSignature } from '../../src/signature/signature-match.ts'
import { encodeHref } from '../../src/upstream/encode-href.ts'
import { randomPieces } from '../repodata/pieces.ts'
import { PrimaryGenerator } from '../repodata/primary-generator.ts'
import { readByOracle } from '../repodata/primary-oracle.ts'
import { signDetached } from '../support/detached-signature.ts'
import { Random } from '../support/random.ts'
import { kindOf, type FuzzTarget } from './target.ts'

const SHA256 = 'a'.repeat(64)
const DATA = `<data type="primary"><checksum type="sha256">${SHA256}</checksum><open-checksum type="sha256">${SHA256}</open-checksum>
<location href="repodata/primary.xml.gz"/><timestamp>1577836800</timestamp><size>10</size><open-size>99</open-size></data>`
const OTHER = `<data type='other'><location href='./repodata//other.xml'/><checksum type='sha'>${'b'.repeat(40)}</checksum></data>`
const XML_WORDS = [
  '<',
  '>',
  '/>',
  '</',
  '"',
  "'",
  '=',
  '&',
  '&amp;',
  '&lt;',
  '&#10;',
  '&#x0;',
  '&#1114112;',
  '&x;',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<?',
  '?>',
  '<!DOCTYPE x [',
  '<!ENTITY e "',
  'xmlns:x="u"',
  'x:',
  'xml:base="',
  '\ufeff',
  '\xff',
  '\0',
  '../',
  '//',
  '%2e',
  'http://h/',
  '__proto__',
  'constructor',
  'encoding="iso-8859-1"',
]

/** repomd.xml: what is read has the form that everything else relies on, and says the same whatever stands around it. */
export const REPOMD: FuzzTarget = {
  name: 'repomd.xml',
  seeds: [
    `<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1577836800</revision>${DATA}${OTHER}</repomd>\n`,
    `<repomd><tags><content>c</content><distro cpeid="cpe:/o:a">A &amp; B</distro></tags>${DATA}</repomd>`,
    `<r:repomd xmlns:r="u"><r:revision/>${OTHER.replaceAll(/<(\/?)/g, '<$1r:')}</r:repomd>`,
    '<html><body>Please log in</body></html>',
  ],
  words: [
    ...XML_WORDS,
    DATA,
    OTHER,
    '<data',
    '</data>',
    'type="',
    'checksum',
    'location',
    'href="',
    'sha256',
    'sha1',
    'md5',
    '<revision>',
    '<tags>',
    'timestamp',
  ],
  check: (input) => {
    const text = readRepomd(input)
    if (typeof text === 'string') return text
    for (const { type, href, checksum, openChecksum } of text.records) {
      assert.ok(type.length > 0)
      assert.equal(normalizeHref(href), href)
      assert.equal(parseDigest(checksum), checksum)
      if (openChecksum !== undefined) assert.equal(parseDigest(openChecksum), openChecksum)
    }
    const around = readRepomd(Buffer.concat([input, Buffer.from('\n<!-- end -->\n')]))
    if (typeof around !== 'string') assert.equal(repomdFingerprint(around), repomdFingerprint(text))
    const shuffled = { ...text, records: text.records.toReversed(), tags: text.tags.toReversed() }
    assert.equal(repomdFingerprint(shuffled), repomdFingerprint(text), 'order says nothing')
    return `${Math.min(text.records.length, 5)} records, ${Math.min(text.tags.length, 5)} tags, ${Object.keys(text).length}`
  },
}

function readRepomd(bytes: Buffer): ReturnType<typeof parseRepomd> | string {
  try {
    return parseRepomd(bytes)
  } catch (error) {
    assert.ok(error instanceof PinyonError && error.code === 'REPODATA_MALFORMED', String(error))
    return kindOf(error.message)
  }
}

/** primary.xml: however it is cut, it says the same; and a document that is well-formed says what fast-xml-parser says. */
export const PRIMARY: FuzzTarget = {
  name: 'primary.xml',
  seeds: Array.from({ length: 24 }, (_, seed) => new PrimaryGenerator(new Random(seed)).document().bytes),
  words: [
    ...XML_WORDS,
    '<package',
    '</package>',
    '<package type="rpm">',
    '<metadata',
    '</metadata>',
    '<name>',
    '<location href="',
    'packages="',
    '<version',
    'type="',
  ],
  check: (input, random) => {
    if (random.once(8)) {
      const { bytes, text } = new PrimaryGenerator(random).document()
      assert.deepEqual(scan(randomPieces(bytes, random)), readByOracle(text))
    }
    const whole = outcomeOf([input])
    // In many small pieces a long element is looked at again with each.
    const pieces = input.length > MANY_PIECES ? halves(input) : randomPieces(input, random)
    assert.deepEqual(outcomeOf(pieces), whole)
    if (typeof whole === 'string') return whole
    for (const { href, checksum } of whole) {
      assert.equal(normalizePackageHref(href), href)
      assert.equal(parseDigest(checksum), checksum)
    }
    return `${whole.length} packages`
  },
}

const MANY_PIECES = 32 << 10

function halves(bytes: Buffer): Buffer[] {
  const middle = bytes.length >> 1
  return [bytes.subarray(0, middle), bytes.subarray(middle)]
}

function scan(pieces: Iterable<Buffer>): PackageRecord[] {
  const scanner = new PrimaryScanner()
  const packages: PackageRecord[] = []
  for (const piece of pieces) packages.push(...scanner.scan(piece).packages)
  return [...packages, ...scanner.finish().packages]
}

/** The packages, or the code of the refusal: where a document is wrong in two ways, how it is cut decides which is told. */
function outcomeOf(pieces: Iterable<Buffer>): PackageRecord[] | string {
  try {
    return scan(pieces)
  } catch (error) {
    assert.ok(error instanceof PinyonError, String(error))
    return error.code
  }
}

/** Hrefs: one form, which never leaves its repository, neither as a path nor as a URL. */
export const HREFS: FuzzTarget = {
  name: 'hrefs',
  seeds: [
    'Packages/b/bash-5.1-1.x86_64.rpm',
    './a//b',
    '../x',
    '/x',
    'http://h/x',
    'file:///etc/passwd',
    'a%2fb',
    '~^+',
    'é',
    '\\\\h\\x',
    'a:b',
    '//h/x',
    '%2e%2e/x',
  ],
  words: [
    '/',
    '//',
    '.',
    '..',
    '../',
    './',
    '%2e%2e',
    '%2f',
    '\\',
    ':',
    '://',
    'file:',
    'http:',
    '?',
    '#',
    '@',
    '\0',
    '\n',
    '%',
    '+',
    '~',
    ' ',
  ],
  check: (input) => {
    const raw = input.toString('utf8')
    const href = normalizeHref(raw)
    checkClimb(raw, href)
    if (href === undefined) return 'outside'
    assert.equal(normalizeHref(href), href)
    const segments = href.split('/')
    assert.ok(segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..'))
    const base = 'http://mirror.example:8080/deep/in/here/'
    // Concatenated, as it is done, and resolved, as no client of ours does.
    const concatenated = new URL(base + encodeHref(href))
    assert.ok(concatenated.href.startsWith(base), concatenated.href)
    assert.equal(concatenated.search + concatenated.hash, '')
    assert.equal(decodeURIComponent(concatenated.pathname), `/deep/in/here/${href.toWellFormed()}`)
    return `${Math.min(segments.length, 9)} segments${href === raw ? '' : ', made normal'}`
  },
}

/** A package's href climbs so far, and from no base URL to anywhere else than its own server. */
function checkClimb(raw: string, below: string | undefined): void {
  const href = normalizePackageHref(raw)
  if (below !== undefined) assert.equal(href, below)
  if (href === undefined) return
  assert.equal(normalizePackageHref(href), href)
  const climb = climbOf(href)
  assert.ok(climb <= MAX_CLIMB)
  const base = `http://mirror.example:8080/in/here${baseEnd({ climb })}/`
  const asked = new URL(base + encodeHref(href))
  assert.ok(asked.href.startsWith('http://mirror.example:8080/in/here/'), asked.href)
  const place = decodeURIComponent(asked.pathname.slice('/in/here/'.length))
  assert.equal(place, placeOf(href, { climb }).toWellFormed())
  assert.ok(hrefsAt(placeOf(href, { climb }), { climb }).includes(href))
}

const SIGNED = Buffer.from('<repomd/>')

/** Signatures: of these bytes, of others, or not to be told; nothing else. */
export const SIGNATURES: FuzzTarget = {
  name: 'signatures',
  seeds: [
    signDetached(SIGNED),
    Buffer.from(signDetached(SIGNED).split('\n').slice(2, -2).join(''), 'base64'),
  ],
  words: [
    '-----BEGIN PGP SIGNATURE-----',
    '-----END PGP SIGNATURE-----',
    '\n',
    '\r\n',
    '=',
    '\xc2',
    '\x88',
    '\x04',
    '\x06',
    '\xff',
    '\0',
    '\x02',
  ],
  check: (input) => String(matchesSignature(SIGNED, input)),
}
