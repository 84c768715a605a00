const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf'

/** Bytes as a text with one character each, so that every byte survives, whatever its encoding. */
export function toByteText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** The bytes of such a text. */
export function fromByteText(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** A string's UTF-8 as such a text. */
export function encodeByteText(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** What such a text says in UTF-8; what is none becomes U+FFFD. */
export function decodeByteText(text: string): string {
  return isAscii(text) ? text : fromByteText(text).toString('utf8')
}

/** The length of a byte order mark at the text's beginning. */
export function skipByteOrderMark(text: string): number {
  return text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0
}

function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  return /^[\u0000-\u007f]*$/.test(text)
}
