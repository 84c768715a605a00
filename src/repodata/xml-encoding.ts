import { malformed, quote } from './malformed.ts'

/**
 * How the bytes of a document are read. Both are supersets of ASCII, so that markup can be found in the bytes as they are, one
 * byte a code unit, and only the values that are kept need decoding.
 */
export type XmlEncoding = 'utf-8' | 'iso-8859-1'

/** The UTF-8 byte order mark, one byte a code unit. */
const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf'

/** Byte order marks of UTF-16, and how it begins without one. */
const UTF_16_BEGINNINGS = ['\u00fe\u00ff', '\u00ff\u00fe', '\u0000<', '<\u0000']

const DECLARED = /^<\?xml\s[^>]*?\sencoding\s*=\s*["']([^"'>]*)["']/

const ENCODINGS: Record<string, XmlEncoding> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'utf-8',
  ascii: 'utf-8',
  'iso-8859-1': 'iso-8859-1',
  latin1: 'iso-8859-1',
}

/** Where the document begins in its bytes (one a code unit): after the byte order mark, if there is one. */
export function documentStart(bytes: string): number {
  return bytes.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0
}

/**
 * The encoding of a document by its XML declaration; utf-8 when it states none (XML 1.0 §4.3.3).
 * @param bytes the document's beginning without byte order mark, one byte a code unit, its XML declaration complete
 * @param doing for the message of the REPODATA_MALFORMED thrown for encodings other than UTF-8, US-ASCII and ISO-8859-1
 */
export function readEncoding(bytes: string, doing: string): XmlEncoding {
  if (UTF_16_BEGINNINGS.some((beginning) => bytes.startsWith(beginning))) {
    throw malformed(doing, 'encoding not supported: UTF-16')
  }
  const declared = DECLARED.exec(bytes)?.[1] ?? 'utf-8'
  const encoding = ENCODINGS[declared.toLowerCase()]
  if (encoding === undefined) throw malformed(doing, `encoding not supported: ${quote(declared)}`)
  return encoding
}
