/** A byte range of a body: both ends included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** zchunk asks for up to 256 ranges at once; nobody needs more. */
const MAX_RANGES = 512

/**
 * Reads a Range header (RFC 9110 §14.1.2) against a body's size.
 * @returns undefined when the header is to be ignored: another unit, malformed, too many ranges, or ranges that ask for more bytes
 *   than the whole body has; otherwise the satisfiable ranges in the order asked, empty when there is none (416)
 */
export function parseRange(header: string, size: number): readonly ByteRange[] | undefined {
  if (!/^bytes=/i.test(header)) return undefined
  const ranges: ByteRange[] = []
  let [specs, asked] = [0, 0]
  for (let from = 'bytes='.length, to = from; to < header.length; from = to + 1) {
    const comma = header.indexOf(',', from)
    to = comma === -1 ? header.length : comma
    const [first, end] = trim(header, from, to)
    // Empty elements of a list do not count (RFC 9110 §5.6.1); a list of nothing else is malformed.
    if (first === end) continue
    specs += 1
    const range = specs > MAX_RANGES ? undefined : parseSpec(header, first, end, size)
    if (range === undefined) return undefined
    if (range === 'unsatisfiable') continue
    ranges.push(range)
    asked += range.end - range.start + 1
    // Overlapping ranges would multiply a body; the whole of it costs less and is always a right answer. Nothing more is read of them.
    if (ranges.length > 1 && asked > size) return undefined
  }
  return specs === 0 ? undefined : ranges
}

/** Reads the spec between two positions. Nothing is cut out of the header: it may have hundreds of them. */
function parseSpec(
  header: string,
  from: number,
  to: number,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const dash = header.indexOf('-', from)
  if (dash === -1 || dash >= to) return undefined
  const first = readNumber(header, from, dash)
  const last = readNumber(header, dash + 1, to)
  if (Number.isNaN(first) || Number.isNaN(last)) return undefined
  if (first === undefined) {
    if (last === undefined) return undefined
    const length = Math.min(last, size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  if (last !== undefined && last < first) return undefined
  return first >= size ? 'unsatisfiable' : { start: first, end: Math.min(last ?? size, size - 1) }
}

/** The number between two positions; undefined when nothing is there, NaN when anything but digits is. */
function readNumber(text: string, from: number, to: number): number | undefined {
  if (from === to) return undefined
  let value = 0
  for (let at = from; at < to; at += 1) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

function trim(text: string, from: number, to: number): [from: number, to: number] {
  let [first, end] = [from, to]
  while (first < end && isSpace(text.charCodeAt(first))) first += 1
  while (first < end && isSpace(text.charCodeAt(end - 1))) end -= 1
  return [first, end]
}

/** What `trim` takes away of a string of one character a byte. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || code === 0xa0
}
