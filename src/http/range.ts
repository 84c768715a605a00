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
  const match = /^bytes=([\d\s,-]+)$/i.exec(header)
  if (match === null) return undefined
  const ranges: ByteRange[] = []
  // Empty elements of a list do not count (RFC 9110 §5.6.1); a list of nothing else is malformed.
  const specs = (match[1] ?? '')
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '')
  if (specs.length === 0 || specs.length > MAX_RANGES) return undefined
  for (const spec of specs) {
    const range = parseSpec(spec, size)
    if (range === undefined) return undefined
    if (range !== 'unsatisfiable') ranges.push(range)
  }
  const asked = ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0)
  // Overlapping ranges would multiply a body; the whole of it costs less and is always a right answer.
  return ranges.length > 1 && asked > size ? undefined : ranges
}

function parseSpec(spec: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^(\d*)-(\d*)$/.exec(spec)
  if (match === null) return undefined
  const [, first = '', last = ''] = match
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
