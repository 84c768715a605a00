import { DOING, type PackageFields } from './package-record.ts'
import type { XmlEncoding } from './xml-encoding.ts'
import { decodeAttribute, decodeText, decodeTolerantly, trimSpace } from './xml-text.ts'

const START_TAG = '<package type="rpm">'
/** How the start tag of a package begins that may be written otherwise. */
const NEXT_PACKAGE = '<package'
const END_TAG = '</package>'
/** What stands behind the location up to the source package's name. Elements before that have text or nothing, so that none can hide it. */
const FORMAT =
  /[\n ]*<format>(?:[\n ]*<rpm:(license|vendor|group|buildhost)(?:\/>|>[^<]*<\/rpm:\1>))*[\n ]*<rpm:sourcerpm(?:\/>|>([^<]*)<\/rpm:sourcerpm>)/y
const SOURCE_END_TAG = '</rpm:sourcerpm>'
const ROOT_END_TAG = '</metadata>'

/** V8 copies shorter slices; longer ones it makes views of the whole string. */
const MIN_SLICE_LENGTH = 13

const NEWLINE = 10
const SPACE = 32
const LESS = 60

/** Stands for "nowhere in this text". */
const NOWHERE = Number.POSITIVE_INFINITY

/**
 * Reads packages written as createrepo_c and its kin write them: elements in one order, attributes in double quotes, no
 * prefixes, nothing but white space between elements. It is many times as fast as reading any XML, because most of a package is
 * found by searching for its end and never looked at. Whatever is not exactly so is left to others.
 */
export class CanonicalReader {
  /** The position after the package that was last read. */
  end = 0
  /**
   * Whether the package that was last tried is canonical as far as the text goes, so that it is worth waiting for more of it.
   */
  isCutShort = false
  readonly #bytes: Buffer
  readonly #text: string
  readonly #encoding: XmlEncoding
  /** How far the package at hand was read; negative once it has turned out not to be canonical. */
  #at = 0
  /** Where the next `<!` and `<?` are: a package that holds one may hide anything in it. */
  #declaration = -1
  #instruction = -1
  /** Where the next source package is named, in whatever way. */
  #sourcerpm = -1

  /** @param text the bytes, one a code unit */
  constructor(bytes: Buffer, text: string, encoding: XmlEncoding) {
    this.#bytes = bytes
    this.#text = text
    this.#encoding = encoding
  }

  /**
   * Reads the package that begins at `start`, and sets `end`. Undefined when there is none, when it is not canonical, or when
   * the text ends before that is certain. Positions must not decrease from call to call.
   */
  read(start: number): PackageFields | undefined {
    this.isCutShort = false
    if (!this.#text.startsWith(START_TAG, start)) return undefined
    this.#at = start + START_TAG.length
    const fields = this.#readFields()
    const format = this.#at
    const end = format < 0 ? -1 : this.#findEnd()
    if (end < 0 || this.#holdsOtherMarkup(start, end)) return undefined
    const source = this.#readSource(format, end)
    if (source === undefined) return undefined
    this.end = end
    fields.source = source || undefined
    return fields
  }

  /** Reads up to the location, the last element that a record needs but for the source package. */
  #readFields(): PackageFields {
    const name = this.#content('<name>', '</name>')
    const arch = this.#content('<arch>', '</arch>')
    const epoch = this.#attribute('<version epoch="', '"')
    const version = this.#attribute(' ver="', '"')
    const release = this.#attribute(' rel="', '"/>')
    const checksumType = this.#attribute('<checksum type="', '"')
    const checksum = this.#content(' pkgid="YES">', '</checksum>')
    this.#skip('<summary>', '</summary>')
    this.#skip('<description>', '</description>')
    this.#skip('<packager>', '</packager>')
    this.#skip('<url>', '</url>')
    this.#skip('<time file="', '"')
    this.#skip(' build="', '"/>')
    const size = this.#attribute('<size package="', '"')
    this.#skip(' installed="', '"')
    this.#skip(' archive="', '"/>')
    const href = this.#attribute('<location href="', '"/>')
    return {
      type: 'rpm',
      name,
      arch,
      epoch,
      version,
      release,
      checksumType,
      checksum,
      size,
      href,
      base: undefined,
      source: undefined,
    }
  }

  /**
   * The source package's file name; empty where there is none. Undefined when it is not where createrepo_c writes it.
   * @param at the position after the location
   * @param end the position after the package, all of which is there
   */
  #readSource(at: number, end: number): string | undefined {
    const text = this.#text
    if (this.#sourcerpm < at) this.#sourcerpm = this.#findSource(at)
    if (this.#sourcerpm >= end) return ''
    FORMAT.lastIndex = at
    const found = FORMAT.exec(text)
    if (found === null) return undefined
    const length = found[2]?.length ?? 0
    if (length === 0) return ''
    const start = FORMAT.lastIndex - SOURCE_END_TAG.length - length
    const raw = this.#slice(start, start + length)
    return trimSpace(decodeTolerantly(raw, this.#encoding, DOING) ?? '')
  }

  #findSource(from: number): number {
    const found = this.#text.indexOf('sourcerpm', from)
    return found < 0 ? NOWHERE : found
  }

  #content(before: string, after: string): string {
    const start = this.#skip(before, after)
    return start < 0
      ? ''
      : trimSpace(decodeText(this.#slice(start, this.#at - after.length), this.#encoding, DOING))
  }

  #attribute(before: string, after: string): string {
    const start = this.#skip(before, after)
    return start < 0
      ? ''
      : decodeAttribute(this.#slice(start, this.#at - after.length), this.#encoding, DOING)
  }

  /** A part of the text that does not keep the rest of it in memory, which V8 has all but the shortest slices do. */
  #slice(start: number, end: number): string {
    const isCopied = end - start < MIN_SLICE_LENGTH
    return isCopied ? this.#text.slice(start, end) : this.#bytes.toString('latin1', start, end)
  }

  /**
   * Moves past `before`, a value, and `after`, whose first character no such value holds; where a tag begins past white space
   * first. Returns where the value starts; negative when something else stands there.
   */
  #skip(before: string, after: string): number {
    const text = this.#text
    if (this.#at < 0) return -1
    const at = before.charCodeAt(0) === LESS ? this.#skipSpace(this.#at) : this.#at
    if (!text.startsWith(before, at)) return this.#fail(before, at)
    const start = at + before.length
    const end = text.indexOf(after.charAt(0), start)
    if (end < 0 || !text.startsWith(after, end)) return this.#fail(after, end)
    this.#at = end + after.length
    return start
  }

  /** The literal does not stand there: either something else does, or the text ends within it. */
  #fail(literal: string, at: number): -1 {
    this.isCutShort = at < 0 || literal.startsWith(this.#text.slice(at, at + literal.length))
    this.#at = -1
    return -1
  }

  /**
   * The position after the package's end tag. Negative when what follows is neither another package nor the root's end, or when
   * a package begins before, nested in this one.
   */
  #findEnd(): number {
    const text = this.#text
    const end = text.indexOf(END_TAG, this.#at) + END_TAG.length
    if (end < END_TAG.length) return this.#fail(END_TAG, -1)
    const next = this.#skipSpace(end)
    if (!text.startsWith(NEXT_PACKAGE, next) && !text.startsWith(ROOT_END_TAG, next)) {
      const following = text.slice(next, next + ROOT_END_TAG.length)
      this.isCutShort = ROOT_END_TAG.startsWith(following) || NEXT_PACKAGE.startsWith(following)
      return -1
    }
    const nested = text.indexOf(NEXT_PACKAGE, this.#at)
    return nested < 0 || nested >= end ? end : -1
  }

  #skipSpace(from: number): number {
    const text = this.#text
    let at = from
    for (let code = text.charCodeAt(at); code === NEWLINE || code === SPACE; code = text.charCodeAt(at)) at++
    return at
  }

  #holdsOtherMarkup(start: number, end: number): boolean {
    if (this.#declaration < start) this.#declaration = this.#findMarkup('!', start)
    if (this.#instruction < start) this.#instruction = this.#findMarkup('?', start)
    return this.#declaration < end || this.#instruction < end
  }

  /** Where `<` and this character stand together. The character is the rarer of the two, so it is searched for. */
  #findMarkup(character: string, from: number): number {
    for (let at = from; ; at++) {
      at = this.#text.indexOf(character, at)
      if (at < 0) return NOWHERE
      if (at > from && this.#text.charCodeAt(at - 1) === LESS) return at - 1
    }
  }
}
