import type { ReadableBytes } from '../cache/blob-store.ts'
import type { ChunkPool } from '../cache/chunk-pool.ts'
import { isRange, type BodyPiece } from './body-plan.ts'
import type { ByteRange } from './range.ts'

/** So much is read at a time for several pieces, in bytes. */
const WINDOW_BYTES = 32 << 10
/** What lies between two pieces is read with them when it is no more, in bytes: that costs less than another call of the system. */
const GAP_BYTES = 4 << 10

/** Reads pieces of a body that lie close together at once: each by itself would cost ten times what sending it does, and there may be hundreds. */
export class ReadWindow {
  /** What was read, from this position of the body on. */
  bytes: Buffer = Buffer.alloc(0)
  start = 0
  readonly #body: ReadableBytes
  readonly #pieces: readonly BodyPiece[]
  readonly #pool: ChunkPool
  #end = 0

  constructor(body: ReadableBytes, pieces: readonly BodyPiece[], pool: ChunkPool) {
    this.#body = body
    this.#pieces = pieces
    this.#pool = pool
  }

  /** Gives back what was read into: nothing is in there any more. */
  release(): void {
    this.#pool.give(this.bytes)
    this.bytes = Buffer.alloc(0)
    this.#end = this.start
  }

  /** Whether all of a range is in there. */
  has({ start, end }: ByteRange): boolean {
    return start >= this.start && end < this.#end
  }

  /** Reads the range that is this piece, with those that follow it closely. One that stands alone is to be read by itself: it is not in there then. */
  async read(at: number): Promise<void> {
    const run = findRun(this.#pieces, at)
    if (run === undefined) return
    const bytes = run.end + 1 - run.start
    if (this.bytes.length < bytes) this.bytes = this.#pool.take(WINDOW_BYTES)
    this.start = this.#end = run.start
    for (let count = 0; count < bytes; count = this.#end - run.start) {
      const added = await this.#body.read(this.bytes.subarray(count, bytes), run.start + count)
      if (added === 0) break
      this.#end += added
    }
  }
}

/** From the start of a piece to the end of the last that follows it closely; undefined when none does. */
function findRun(pieces: readonly BodyPiece[], at: number): ByteRange | undefined {
  let run: ByteRange | undefined
  let isMore = false
  for (let next = at; next < pieces.length; next += 1) {
    const piece = pieces[next]
    if (piece === undefined || !isRange(piece)) continue
    const { start, end } = piece
    if (run !== undefined && (start <= run.end || start - run.end > GAP_BYTES)) break
    const first = run?.start ?? start
    if (end - first >= WINDOW_BYTES) break
    isMore = run !== undefined
    run = { start: first, end }
  }
  return isMore ? run : undefined
}
