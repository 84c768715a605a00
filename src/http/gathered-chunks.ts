import type { ChunkPool } from '../cache/chunk-pool.ts'
import { PinyonError } from '../model/errors.ts'
import type { Body } from '../proxy/body.ts'
import { isRange, type BodyPiece, type BodyPlan } from './body-plan.ts'
import type { ByteRange } from './range.ts'
import { ReadWindow } from './read-window.ts'

/** Of a body in memory, so much is sent at a time, in bytes: clients on one thread take turns. */
const MEMORY_CHUNK_BYTES = 256 << 10
/** What is in memory and larger is sent as it lies there; less is copied to its framing, which costs less than a call of the system. */
const COPIED_BYTES = 16 << 10
/** So few are copied sooner one by one than by a call, in bytes. */
const FEW_BYTES = 32

/**
 * The bytes of many pieces of a body that is known to be right, put together in one buffer, for hundreds of ranges of a few bytes would
 * else be sent one by one. Chunks are valid only until the next one is asked for.
 */
export async function* gatheredChunks(
  body: Body,
  { pieces, contentLength }: BodyPlan,
  pool: ChunkPool,
): AsyncGenerator<Buffer, void, undefined> {
  const buffer = pool.take(contentLength)
  const window = new ReadWindow(body, pieces, pool)
  try {
    yield* gather(body, pieces, buffer, window)
  } finally {
    window.release()
    pool.give(buffer)
  }
}

async function* gather(
  body: Body,
  pieces: readonly BodyPiece[],
  buffer: Buffer,
  window: ReadWindow,
): AsyncGenerator<Buffer, void, undefined> {
  let filled = 0
  for (const [at, piece] of pieces.entries()) {
    if (!isRange(piece)) {
      if (filled + piece.length > buffer.length) {
        yield buffer.subarray(0, filled)
        filled = 0
      }
      filled += buffer.write(piece, filled, 'latin1')
    } else if (body.bytes !== undefined && piece.end - piece.start >= COPIED_BYTES) {
      yield buffer.subarray(0, filled)
      filled = 0
      yield* memoryChunks(body.bytes, piece)
    } else {
      if (body.bytes === undefined && !window.has(piece)) await window.read(at)
      const source = body.bytes ?? (window.has(piece) ? window.bytes : undefined)
      const from = body.bytes === undefined ? window.start : 0
      for (let position = piece.start; position <= piece.end;) {
        if (filled === buffer.length) {
          yield buffer
          filled = 0
        }
        const end = Math.min(piece.end + 1, position + buffer.length - filled)
        const count =
          source === undefined
            ? await body.read(buffer.subarray(filled, filled + end - position), position)
            : copyBytes(source, buffer, filled, position - from, end - from)
        if (count === 0) throw endedEarly(body, position, piece.end + 1)
        filled += count
        position += count
      }
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled)
}

/** Copies from one place of a buffer to one of another; gives how many bytes that were. */
function copyBytes(source: Buffer, target: Buffer, at: number, from: number, end: number): number {
  if (end - from > FEW_BYTES || end > source.length) return source.copy(target, at, from, end)
  for (let next = from; next < end; next += 1) target[at + next - from] = source[next] ?? 0
  return end - from
}

/** What is in memory is known to be right, and is sent as it lies there. */
export function* memoryChunks(bytes: Buffer, { start, end }: ByteRange): Generator<Buffer, void, undefined> {
  for (let position = start; position <= end; position += MEMORY_CHUNK_BYTES)
    yield bytes.subarray(position, Math.min(end + 1, position + MEMORY_CHUNK_BYTES))
}

/** The error of a body that has fewer bytes than it should. */
export function endedEarly(body: Body, position: number, end: number): PinyonError {
  const code = body.complete ? 'BLOB_UNREADABLE' : 'STORE_FAILED'
  return new PinyonError(code, `a body ended early: ${position} of ${end} bytes`)
}
