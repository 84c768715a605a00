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
    const spec = header.slice(from, to).trim()
    // Empty elements of a list do not count (RFC 9110 §5.6.1); a list of nothing else is malformed.
    if (spec === '') continue
    specs += 1
    const range = specs > MAX_RANGES ? undefined : parseSpec(spec, size)
    if (range === undefined) return undefined
    if (range === 'unsatisfiable') continue
    ranges.push(range)
    asked += range.end - range.start + 1
    // Overlapping ranges would multiply a body; the whole of it costs less and is always a right answer. Nothing more is read of them.
    if (ranges.length > 1 && asked > size) return undefined
  }
  return specs === 0 ? undefined : ranges
}

function parseSpec(spec: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  const dash = spec.indexOf('-')
  const [first, last] = [spec.slice(0, Math.max(dash, 0)), spec.slice(dash + 1)]
  if (dash === -1 || !isDigits(first) || !isDigits(last)) return undefined
  if (first === '') {
    if (last === '') return undefined
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, end }
}

/** Nothing but digits, or nothing at all; a pattern would take three times as long, for each of hundreds. */
function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 0x30 || code > 0x39) return false
  }
  return true
}
