import { createRequire } from 'node:module'

import type * as fastXmlParser from 'fast-xml-parser'

import { createDigest, type Digest, digestOf } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { normalizeHref } from '../model/href.ts'
import type { Repomd, RepomdRecord } from '../model/repodata.ts'
import { aboutFile } from '../model/upstream-advice.ts'
import { malformed, quote } from './malformed.ts'
import { parseSize } from './package-record.ts'
import { documentStart, readEncoding } from './xml-encoding.ts'
import { decodeBytes } from './xml-text.ts'

// As one file: an import would load forty, and take five times as long.
const { XMLParser, XMLValidator } = createRequire(import.meta.url)('fast-xml-parser') as typeof fastXmlParser

const DOING = 'reading repomd.xml'

/** Beyond any real one, since yum 3 refuses more than 100 KB. */
const MAX_BYTES = 1024 * 1024
/**
 * Tags and attributes together, as `<` and `=` tell: ten times as many as 60 records have. It is they that cost time, in the thread that
 * answers requests: so many some twenty milliseconds, a mebibyte of nothing else a third of a second.
 */
const MAX_MARKUP = 30_000

/** By which a repomd.xml that is wrong somewhere is known as one. */
const REPOMD_TAG = /<(?:[\w.-]+:)?repomd[\s>]/

/** Suffixes of records that hold another record's content in another encoding, as createrepo_c and its kin name them. */
const ENCODED_TYPE = /^(.+)_(?:db|zck|gz|xz|zst|bz2)$/

/** An element as the parser below gives it: attributes `@name`, text `#text`, child elements by local name, each a list. */
interface Element {
  readonly [name: string]: string | readonly Element[] | undefined
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  alwaysCreateTextNode: true,
  // Without this it leaves character references as they are.
  htmlEntities: true,
  isArray: (_name, _path, _isLeaf, isAttribute) => !isAttribute,
})

function children(element: Element, name: string): readonly Element[] {
  const found = element[name]
  return typeof found === 'object' ? found : []
}

function textOf(element: Element | undefined, name: string): string | undefined {
  const found = element?.[name]
  return typeof found === 'string' ? found : undefined
}

function childText(element: Element, name: string): string | undefined {
  return textOf(children(element, name)[0], '#text')
}

/** The document's characters, refused where they cannot be those of a repomd.xml at all. */
function decodeDocument(bytes: Buffer): string {
  if (bytes.length > MAX_BYTES) throw malformed(DOING, `larger than ${MAX_BYTES} bytes: ${bytes.length}`)
  const raw = bytes.toString('latin1')
  const start = documentStart(raw)
  const text = decodeBytes(raw.slice(start), readEncoding(raw.slice(start, start + 1024), DOING), DOING)
  // What came instead is not quoted: errors are shown to everybody, and a redirect may lead to what is not everybody's.
  const size = `${bytes.length} bytes`
  if (/^\s*(?:<!doctype\s+html|<html)/i.test(text)) throw malformed(DOING, `an HTML page of ${size}`)
  if (/<!(?:DOCTYPE|ENTITY)/.test(text)) throw malformed(DOING, `a document type declaration, in ${size}`)
  if (countMarkup(text) > MAX_MARKUP)
    throw malformed(DOING, `more than ${MAX_MARKUP} tags and attributes, in ${size}`)
  if (!/^\s*</.test(text)) throw malformed(DOING, `${size} that are no XML`)
  return text
}

/** The root element; of what is no repomd.xml at all, as a page is none, the error says that it is about the whole file. */
function readRoot(bytes: Buffer): Element {
  try {
    return parseRoot(decodeDocument(bytes))
  } catch (error) {
    if (REPOMD_TAG.test(bytes.toString('latin1')) || !(error instanceof PinyonError)) throw error
    throw aboutFile(error, 'repomd')
  }
}

function countMarkup(text: string): number {
  let count = 0
  for (const mark of ['<', '='])
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) count += 1
  return count
}

function parseRoot(text: string): Element {
  const valid = XMLValidator.validate(text)
  if (valid !== true) throw malformed(DOING, `not well-formed XML, line ${valid.err.line}: ${valid.err.msg}`)
  let document: Element
  try {
    document = parser.parse(text) as Element
  } catch (cause) {
    throw malformed(
      DOING,
      `not readable XML: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    )
  }
  const root = children(document, 'repomd')[0]
  if (root !== undefined) return root
  const found = Object.keys(document).find((name) => !name.startsWith('?') && name !== '#text')
  throw malformed(DOING, `expected <repomd>, found <${found ?? ''}>`)
}

function parseChecksum(data: Element, name: string): Digest | undefined {
  const element = children(data, name)[0]
  return createDigest(textOf(element, '@type') ?? '', textOf(element, '#text') ?? '')
}

function parseRecord(data: Element): RepomdRecord {
  const type = textOf(data, '@type')?.trim()
  if (!type) throw malformed(DOING, 'a record without type')
  const doing = `${DOING}, record ${quote(type)}`
  const location = textOf(children(data, 'location')[0], '@href')
  if (!location) throw malformed(doing, 'no location')
  const href = normalizeHref(location)
  if (href === undefined) throw malformed(doing, `location leaves the repository: ${quote(location)}`)
  const checksum = parseChecksum(data, 'checksum')
  if (checksum === undefined) {
    const stated = children(data, 'checksum')[0]
    const found = stated && `${textOf(stated, '@type')}:${textOf(stated, '#text')}`
    throw malformed(doing, found === undefined ? 'no checksum' : `unusable checksum: ${quote(found)}`)
  }
  const openChecksum = parseChecksum(data, 'open-checksum')
  const size = parseSize(childText(data, 'size'))
  const openSize = parseSize(childText(data, 'open-size'))
  return {
    type,
    href,
    checksum,
    ...(openChecksum !== undefined && { openChecksum }),
    ...(size !== undefined && { size }),
    ...(openSize !== undefined && { openSize }),
  }
}

function refuseContradictions(records: readonly RepomdRecord[]): void {
  const checksums = new Map<string, Digest>()
  for (const { href, checksum } of records) {
    const other = checksums.get(href)
    if (other !== undefined && other !== checksum) {
      throw malformed(DOING, `two checksums for ${quote(href)}: ${other} and ${checksum}`)
    }
    checksums.set(href, checksum)
  }
}

/** Times within a date's range, fractions cut off: old createrepo wrote `1577836800.12`. */
function parseNewestTimestamp(root: Element): number | undefined {
  const seconds = children(root, 'data').flatMap((data) => {
    const text = /^([0-9]{1,11})(?:\.[0-9]*)?$/.exec(childText(data, 'timestamp')?.trim() ?? '')?.[1]
    return text === undefined ? [] : [Number(text)]
  })
  return seconds.length === 0 ? undefined : seconds.reduce((newest, one) => Math.max(newest, one))
}

function parseTags(root: Element): string[] {
  const tags: string[] = []
  for (const group of children(root, 'tags')) {
    for (const kind of Object.keys(group)) {
      for (const tag of children(group, kind)) {
        const cpeid = textOf(tag, '@cpeid')
        tags.push(`${kind}${cpeid === undefined ? '' : ` ${cpeid}`}=${textOf(tag, '#text') ?? ''}`)
      }
    }
  }
  return tags
}

/**
 * Reads a repomd.xml as createrepo_c and its forerunners write it: any prefix, any order, elements and record types unknown to
 * us ignored and kept respectively, `sha` as a name of sha1, and without the fields that older ones lack. Throws
 * REPODATA_MALFORMED, saying what is wrong, when it is not such a document (a login page, cut short, with a document type
 * declaration), or when a record lacks a type, a location within the repository or a usable checksum, or contradicts another.
 */
export function parseRepomd(bytes: Buffer): Repomd {
  const root = readRoot(bytes)
  const records = children(root, 'data').map(parseRecord)
  refuseContradictions(records)
  const revision = childText(root, 'revision')
  const newestTimestamp = parseNewestTimestamp(root)
  return {
    records,
    tags: parseTags(root),
    ...(revision !== undefined && { revision }),
    ...(newestTimestamp !== undefined && { newestTimestamp }),
  }
}

/**
 * A digest of what a repository's metadata say, whatever they are wrapped in: equal for two repomd.xml exactly when they have
 * the same tags and, record type by record type, the same uncompressed content (the same file, where that is not stated).
 * Revision, times, sizes, names and compression do not count, nor do records that only repeat another in another encoding.
 */
export function repomdFingerprint(repomd: Repomd): Digest {
  const contents = contentRecords(repomd).map(({ type, checksum, openChecksum }) =>
    [type, openChecksum ?? checksum].join(' '),
  )
  return digestOf(JSON.stringify([contents.toSorted(), repomd.tags.toSorted()]))
}

/**
 * Whether a repomd.xml differs from one of the same fingerprint in more than it says: what is stated of uncompressed content can be wrong.
 * That shows when a file is another, and its `open-size` as well, or when what was stated of it before was found to be wrong.
 * @param isRefuted whether the file at this href is known not to have the `open-checksum` that the last one states
 */
export function contradictsFingerprint(
  repomd: Repomd,
  last: Repomd,
  isRefuted: (href: string) => boolean,
): boolean {
  return contentRecords(repomd).some((record) => {
    const { type, checksum, openChecksum, openSize } = record
    if (openChecksum === undefined) return false
    const before = last.records.filter((one) => one.type === type && one.openChecksum === openChecksum)
    if (before.length === 0 || before.some((one) => one.checksum === checksum)) return false
    return before.every(
      (one) =>
        isRefuted(one.href) ||
        (openSize !== undefined && one.openSize !== undefined && one.openSize !== openSize),
    )
  })
}

/** Without those that only repeat another in another encoding. */
function contentRecords({ records }: Repomd): RepomdRecord[] {
  const types = new Set(records.map((record) => record.type))
  return records.filter(({ type }) => !types.has(ENCODED_TYPE.exec(type)?.[1] ?? ''))
}
