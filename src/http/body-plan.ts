import { randomBytes } from 'node:crypto'

import type { ByteRange } from './range.ts'

/** A piece of an answer's body: bytes of the file, or framing between them, in ASCII. */
export type BodyPiece = ByteRange | string

/** A body to send: its pieces and what its headers say. */
export interface BodyPlan {
  readonly status: 200 | 206
  /** Bytes of the whole file that was planned with. */
  readonly fileSize: number
  readonly pieces: readonly BodyPiece[]
  readonly contentLength: number
  readonly contentType: string
  /** For one range. */
  readonly contentRange?: string
}

/** Random bytes of a boundary, and how many of these are made at once: a call takes as long as planning two hundred ranges does. */
const BOUNDARY_BYTES = 12
const BOUNDARIES_AT_ONCE = 128

/** Makes boundaries that nobody can know before, each once. */
class Boundaries {
  #bytes = Buffer.alloc(0)
  #used = 0

  next(): string {
    if (this.#used === this.#bytes.length) {
      this.#bytes = randomBytes(BOUNDARY_BYTES * BOUNDARIES_AT_ONCE)
      this.#used = 0
    }
    const start = this.#used
    this.#used += BOUNDARY_BYTES
    return this.#bytes.toString('hex', start, this.#used)
  }
}

const boundaries = new Boundaries()

/** The whole file. */
export function planWhole(size: number, contentType: string): BodyPlan {
  const pieces = size === 0 ? [] : [{ start: 0, end: size - 1 }]
  return { status: 200, fileSize: size, pieces, contentLength: size, contentType }
}

/**
 * Ranges of a file: one as it is, several as multipart/byteranges (RFC 9110 §14.6) in the strict form that zchunk's parser takes:
 * boundary last and of letters and digits only, parts in the order asked and never merged, numeric totals.
 */
export function planRanges(ranges: readonly ByteRange[], size: number, contentType: string): BodyPlan {
  const [only] = ranges
  if (ranges.length === 1 && only !== undefined) {
    const contentRange = formatContentRange(only, size)
    return {
      status: 206,
      fileSize: size,
      pieces: [only],
      contentLength: only.end - only.start + 1,
      contentType,
      contentRange,
    }
  }
  const boundary = boundaries.next()
  const head = `\r\n--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Range: bytes `
  const tail = `/${size}\r\n\r\n`
  const last = `\r\n--${boundary}--\r\n`
  const pieces: BodyPiece[] = []
  let contentLength = last.length
  for (const range of ranges) {
    const framing = `${head}${range.start}-${range.end}${tail}`
    pieces.push(framing, range)
    contentLength += framing.length + range.end - range.start + 1
  }
  pieces.push(last)
  return {
    status: 206,
    fileSize: size,
    pieces,
    contentLength,
    contentType: `multipart/byteranges; boundary=${boundary}`,
  }
}

/** Whether a piece is bytes of the file. */
export function isRange(piece: BodyPiece): piece is ByteRange {
  return typeof piece !== 'string'
}

/** Bytes of a piece. */
export function pieceLength(piece: BodyPiece): number {
  return isRange(piece) ? piece.end - piece.start + 1 : piece.length
}

/** What a Content-Range says of it (RFC 9110 §14.4). */
function formatContentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end}/${size}`
}
