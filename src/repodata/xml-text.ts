import { isUtf8 } from 'node:buffer'
import { malformed, quote } from './malformed.ts'
import type { XmlEncoding } from './xml-encoding.ts'

/** Text that stands for itself: printable ASCII without `&` and `<`. */
const PLAIN = /^[ -%'-;=-~]*$/

/** A reference, or an ampersand that begins none. */
const REFERENCE = /&(?:#x([0-9a-fA-F]{1,8});|#([0-9]{1,8});|(amp|lt|gt|quot|apos);)?/g

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Without white space (XML 1.0 §2.3) at its ends: what `trim` removes besides are characters, or bytes of characters. */
export function trimSpace(text: string): string {
  if (text.charCodeAt(0) > 32 && text.charCodeAt(text.length - 1) > 32) return text
  return text.replace(/^[ \t\r\n]+/, '').replace(/(?<![ \t\r\n])[ \t\r\n]+$/, '')
}

/** The characters a document may hold: XML 1.0 §2.2. */
function isXmlCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd
  return code < 0xd800 || (code > 0xdfff && code !== 0xfffe && code !== 0xffff && code <= 0x10ffff)
}

function expandReferences(text: string, doing: string): string {
  return text.replace(REFERENCE, (reference, hex?: string, decimal?: string, entity?: string) => {
    if (entity !== undefined) return ENTITIES[entity] ?? ''
    const digits = hex ?? decimal
    const code = digits === undefined ? Number.NaN : Number.parseInt(digits, hex === undefined ? 10 : 16)
    if (!isXmlCharacter(code))
      throw malformed(doing, `not a reference to a character: ${quote(text)} at ${reference}`)
    return String.fromCodePoint(code)
  })
}

/** Bytes (one a code unit) as the characters they encode. Throws REPODATA_MALFORMED when they are not UTF-8 but should be. */
export function decodeBytes(raw: string, encoding: XmlEncoding, doing: string): string {
  if (encoding === 'iso-8859-1') return raw
  const bytes = Buffer.from(raw, 'latin1')
  if (!isUtf8(bytes)) throw malformed(doing, `not UTF-8: ${quote(raw)}`)
  return bytes.toString('utf8')
}

/**
 * The characters of a piece of element content outside CDATA sections.
 * @param raw its bytes, one a code unit
 * @param doing for the message of the REPODATA_MALFORMED thrown for bad references and bytes that are not of the encoding
 */
export function decodeText(raw: string, encoding: XmlEncoding, doing: string): string {
  if (PLAIN.test(raw)) return raw
  return expandReferences(decodeBytes(raw, encoding, doing).replace(/\r\n?/g, '\n'), doing)
}

/** The characters of a piece of element content that nothing depends on; undefined where they cannot be told. */
export function decodeTolerantly(
  raw: string,
  encoding: XmlEncoding,
  doing: string,
  cdata = false,
): string | undefined {
  try {
    return (cdata ? decodeCdata : decodeText)(raw, encoding, doing)
  } catch {
    return undefined
  }
}

/** The characters of a CDATA section, where nothing is a reference. */
export function decodeCdata(raw: string, encoding: XmlEncoding, doing: string): string {
  return PLAIN.test(raw) ? raw : decodeBytes(raw, encoding, doing).replace(/\r\n?/g, '\n')
}

/** The value of an attribute (XML 1.0 §3.3.3): white space counts as spaces, unless it is written as references. */
export function decodeAttribute(raw: string, encoding: XmlEncoding, doing: string): string {
  if (PLAIN.test(raw)) return raw
  if (raw.includes('<')) throw malformed(doing, `an attribute value holds "<": ${quote(raw)}`)
  return expandReferences(decodeBytes(raw, encoding, doing).replace(/\r\n|[\r\n\t]/g, ' '), doing)
}

/** The same string without the whole text behind it, which V8 has slices keep in memory. */
export function detach(value: string | undefined): string | undefined {
  return value && Buffer.from(value).toString()
}
