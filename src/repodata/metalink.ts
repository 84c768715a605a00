import { createDigest, type Digest } from '../model/digest.ts'
import type { ListedRepomd, MirrorListing } from '../model/mirror-listing.ts'
import { DocumentFrame } from './document-frame.ts'
import { selectRoots } from './listed-urls.ts'
import { malformed } from './malformed.ts'
import { decodeAttribute, decodeCdata, decodeText } from './xml-text.ts'
import { localName, parseAttributes, walkElement } from './xml-walk.ts'

const DOING = 'reading a metalink'
const REPOMD = 'repomd.xml'
/** What stands behind the root of a repository in the URLs of its repomd.xml. */
const REPOMD_SUFFIX = '/repodata/repomd.xml'

/** MirrorManager lists those of the last days. */
const MAX_REPOMDS = 64
/** Of one repomd.xml. */
const MAX_HASHES = 16
/** Text of one element that is worth reading, in characters. */
const MAX_TEXT = 4_096
/** Priorities of Metalink 4 go up from 1, preferences of Metalink 3 down from 100. */
const LOWEST_PRIORITY = 999_999

/** Whether bytes begin as a metalink does. */
export function isMetalink(bytes: Buffer): boolean {
  const start = bytes.toString('latin1', 0, 8_192).replace(/^\u00ef\u00bb\u00bf/, '')
  return /^\s*(?:<\?[^>]*\?>\s*|<!--(?:(?!-->)[^])*-->\s*)*<(?:[A-Za-z_][\w.-]*:)?metalink[\s>]/.test(start)
}

/**
 * Reads a metalink's entry for repomd.xml: Metalink 3 as MirrorManager writes it, with `alternates`, and Metalink 4 (RFC 5854). Unknown
 * elements, hashes beside known ones, and values are passed over. Of its URLs those count that http and https can ask, and that lead to
 * `…/repodata/repomd.xml`.
 *
 * @param variables by name, for `$basearch` and the like in its URLs
 * @throws PinyonError REPODATA_MALFORMED for what is no such document, names no repomd.xml, no usable mirror, or only hashes that cannot be checked. It quotes nothing of a page that
 *   came in its place
 */
export function parseMetalink(bytes: Buffer, variables: ReadonlyMap<string, string>): MirrorListing {
  if (!isMetalink(bytes)) throw malformed(DOING, `${bytes.length} bytes that begin with no <metalink>`)
  const text = bytes.toString('latin1')
  const frame = new DocumentFrame(DOING, 'metalink')
  let at = frame.begin(text)
  let start = -1
  while (start < 0) {
    at = text.indexOf('<', at)
    const end = at < 0 ? undefined : frame.readOutside(text, at, () => (start = at))
    if (end === undefined) throw malformed(DOING, 'truncated')
    at = end
  }
  const reader = new MetalinkReader(frame.encoding)
  if (walkElement(text, start, reader, DOING) === undefined) throw malformed(DOING, 'truncated')
  const { urls, repomds, isFound, hasOtherHashes } = reader.finish()
  if (!isFound) throw malformed(DOING, `it has no file of the name: ${REPOMD}`)
  // Who lists checksums means them to be checked: to go on without would be what whoever damages them wants.
  if (repomds.length === 0 && hasOtherHashes)
    throw malformed(DOING, `none of its hashes can be checked: ${REPOMD}`)
  const byPreference = urls.toSorted((a, b) => b.preference - a.preference).map(({ url }) => url)
  const baseurls = selectRoots(byPreference, REPOMD_SUFFIX, variables)
  if (baseurls.length === 0)
    throw malformed(DOING, `none of its URLs is of http or https and ends in: ${REPOMD_SUFFIX}`)
  return { kind: 'metalink', baseurls, repomds }
}

interface ListedUrl {
  readonly url: string
  readonly preference: number
}

/** A repomd.xml whose element is not over. */
interface Unfinished {
  timestamp: number | undefined
  readonly digests: Digest[]
}

/** Takes what counts of a metalink's elements as they come. */
class MetalinkReader {
  readonly #encoding: DocumentFrame['encoding']
  /** Local names of the elements that are open, and the attributes of the last one. */
  readonly #open: string[] = []
  #attributes = ''
  #text = ''
  /** The depth of the element that is the file, once the first that counts was found. */
  #fileDepth: number | undefined
  #isFound = false
  readonly #urls: ListedUrl[] = []
  readonly #repomds: Unfinished[] = []
  /** Whether there are hashes of unknown kinds, or that are none. */
  #hasOtherHashes = false
  #alternate: Unfinished | undefined

  constructor(encoding: DocumentFrame['encoding']) {
    this.#encoding = encoding
  }

  open(depth: number, name: string, attributes: string): void {
    this.#leave(depth)
    const local = localName(name)
    this.#open.push(local)
    this.#attributes = attributes
    const isFile = local === 'file' && (depth === 1 || (depth === 2 && this.#open[1] === 'files'))
    if (isFile) this.#enterFile(depth)
    else if (this.#isIn('alternates', 'alternate')) {
      this.#alternate = create()
      if (this.#repomds.length < MAX_REPOMDS) this.#repomds.push(this.#alternate)
    }
  }

  text(depth: number, raw: string, cdata: boolean): void {
    this.#leave(depth + 1)
    if (this.#fileDepth === undefined || this.#text.length > MAX_TEXT) return
    // What is longer than anything that counts is not decoded.
    const piece = raw.slice(0, MAX_TEXT + 1)
    this.#text += cdata ? decodeCdata(piece, this.#encoding, DOING) : this.#decode(piece)
  }

  finish(): {
    urls: readonly ListedUrl[]
    repomds: readonly ListedRepomd[]
    isFound: boolean
    hasOtherHashes: boolean
  } {
    this.#leave(0)
    const [main, ...alternates] = this.#repomds
    // The main entry is the newest of its time; a mirror may be ahead of the list.
    const age = ({ timestamp }: Unfinished) => timestamp ?? (main?.timestamp ?? 0) - 1
    const sorted = alternates.toSorted((a, b) => age(b) - age(a))
    const newer = sorted.filter((one) => (one.timestamp ?? 0) > (main?.timestamp ?? Infinity))
    const all = main === undefined ? [] : [...newer, main, ...sorted.filter((one) => !newer.includes(one))]
    return {
      urls: this.#urls,
      repomds: all.filter(({ digests }) => digests.length > 0),
      isFound: this.#isFound,
      hasOtherHashes: this.#hasOtherHashes,
    }
  }

  #enterFile(depth: number): void {
    const name = this.#attribute('name') ?? ''
    if (this.#isFound || (name !== REPOMD && !name.endsWith(`/${REPOMD}`))) return
    this.#isFound = true
    this.#fileDepth = depth
    this.#repomds.push(create())
  }

  /** Ends the elements from a depth on. */
  #leave(depth: number): void {
    while (this.#open.length > depth) {
      if (this.#fileDepth !== undefined) this.#take(this.#text.trim())
      const name = this.#open.pop()
      this.#text = ''
      if (name === 'alternate') this.#alternate = undefined
      if (this.#open.length === this.#fileDepth) this.#fileDepth = undefined
    }
  }

  /** Takes the innermost element, which is over. */
  #take(text: string): void {
    const name = this.#open.at(-1)
    const of = this.#alternate ?? this.#repomds[0]
    const isOwn = this.#alternate === undefined ? this.#isBelowFile(1) : this.#isBelowFile(3)
    const isVerified = this.#alternate === undefined ? this.#isBelowFile(2) : this.#isBelowFile(4)
    if (of === undefined) return
    if (name === 'hash' && (isOwn || (isVerified && this.#open.at(-2) === 'verification')))
      return this.#takeHash(of, text)
    if (text === '' || text.length > MAX_TEXT) return
    if (name === 'timestamp' && isOwn) of.timestamp ??= readNumber(text)
    else if (name === 'url' && this.#isIn(...(this.#fileDepth === 1 ? ['url'] : ['resources', 'url'])))
      this.#takeUrl(text)
  }

  #takeHash(of: Unfinished, text: string): void {
    const type = (this.#attribute('type') ?? '').replaceAll('-', '')
    const digest = createDigest(type, text)
    if (digest === undefined) this.#hasOtherHashes = true
    else if (of.digests.length < MAX_HASHES) of.digests.push(digest)
  }

  #takeUrl(url: string): void {
    const preference = readNumber(this.#attribute('preference') ?? '')
    const priority = readNumber(this.#attribute('priority') ?? '') ?? LOWEST_PRIORITY
    this.#urls.push({ url, preference: preference ?? -priority })
  }

  /** Whether the elements below the file are exactly these. */
  #isIn(...names: readonly string[]): boolean {
    if (this.#fileDepth === undefined || !this.#isBelowFile(names.length)) return false
    const depth = this.#fileDepth + 1
    return names.every((name, index) => this.#open[depth + index] === name)
  }

  #isBelowFile(levels: number): boolean {
    return this.#fileDepth !== undefined && this.#open.length === this.#fileDepth + 1 + levels
  }

  #attribute(name: string): string | undefined {
    const raw = parseAttributes(this.#attributes, DOING).get(name)
    return raw === undefined ? undefined : decodeAttribute(raw, this.#encoding, DOING)
  }

  #decode(piece: string): string {
    return decodeText(piece, this.#encoding, DOING)
  }
}

function create(): Unfinished {
  return { timestamp: undefined, digests: [] }
}

/** Seconds or a rank; undefined for anything else. */
function readNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
