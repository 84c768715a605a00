/** One part of a multipart/byteranges body. */
export interface Part {
  readonly start: number
  readonly end: number
  readonly total: number
  readonly bytes: Buffer
}

/**
 * Reads a multipart/byteranges body as zchunk does (its src/lib/dl/multipart.c): the same expressions, nothing more lenient, so that what
 * passes here is what a dnf with zchunk reads.
 */
export function readMultipart(contentType: string, body: Buffer): Part[] {
  const boundary = /boundary *= *([0-9a-zA-Z]+)\r?$/.exec(contentType)?.[1]
  if (boundary === undefined) throw new Error(`no boundary at the end of: ${contentType}`)
  const head = new RegExp(
    `^\\r?\\n?--${boundary}\\r\\n(?:[^\\r]*\\r\\n)*?content-range: *bytes *([0-9]+) *- *([0-9]+) */[0-9]+`,
    'i',
  )
  const parts: Part[] = []
  let rest = body
  for (;;) {
    const text = rest.toString('latin1', 0, 2_000)
    if (text === `\r\n--${boundary}--\r\n`) return parts
    const found = head.exec(text)
    const headEnd = rest.indexOf('\r\n\r\n')
    if (found === null || headEnd < 0) throw new Error(`no part at: ${JSON.stringify(text.slice(0, 200))}`)
    const [start, end] = [Number(found[1]), Number(found[2])]
    const from = headEnd + 4
    const bytes = rest.subarray(from, from + end - start + 1)
    parts.push({ start, end, total: Number(/\/([0-9]+)$/.exec(found[0])?.[1]), bytes })
    rest = rest.subarray(from + bytes.length)
  }
}
