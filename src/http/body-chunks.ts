import type { ChunkPool } from '../cache/chunk-pool.ts'
import { PinyonError } from '../model/errors.ts'
import type { Body } from '../proxy/body.ts'
import { isRange, pieceLength, type BodyPlan } from './body-plan.ts'
import type { ByteRange } from './range.ts'

/** Of a body in memory, so much is sent at a time, in bytes: clients on one thread take turns. */
const MEMORY_CHUNK_BYTES = 256 << 10

/**
 * The end of every body that is held back until its digest is known to be right. Bodies up to this size are sent only when they
 * are right as a whole, so that a wrong first copy never shows.
 */
export const HOLD_BACK_BYTES = 16 << 10

/**
 * The bytes of a planned body, in chunks that are valid only until the next one is asked for. The last of them come after the digest
 * was found right: what is wrong is never sent to its end.
 */
export async function* bodyChunks(
  body: Body,
  plan: BodyPlan,
  pool: ChunkPool,
): AsyncGenerator<Buffer, void, undefined> {
  const buffer = body.bytes === undefined ? pool.take(plan.contentLength) : undefined
  let left = plan.contentLength
  const verify = () => verifyPlanned(body, plan)
  try {
    // An empty body has no end to hold back.
    if (left === 0) await verify()
    for (const piece of plan.pieces) {
      if (!isRange(piece)) {
        if (left <= HOLD_BACK_BYTES) await verify()
        yield piece
      } else if (buffer !== undefined) yield* rangeChunks(body, piece, { buffer, left, verify })
      else yield* memoryChunks(body.bytes ?? Buffer.alloc(0), piece)
      left -= pieceLength(piece)
    }
  } finally {
    if (buffer !== undefined) pool.give(buffer)
  }
}

/** What is in memory is known to be right, and is sent as it lies there. */
function* memoryChunks(bytes: Buffer, { start, end }: ByteRange): Generator<Buffer, void, undefined> {
  for (let position = start; position <= end; position += MEMORY_CHUNK_BYTES)
    yield bytes.subarray(position, Math.min(end + 1, position + MEMORY_CHUNK_BYTES))
}

/**
 * Waits until the digest is known to be right. The right bytes can still not be the ones that were promised: a listing may state
 * another size than the file has that it names, and a part of a right file is no right body.
 */
async function verifyPlanned(body: Body, plan: BodyPlan): Promise<void> {
  if (body.complete) return
  const size = await body.verified()
  if (size !== plan.fileSize)
    throw new PinyonError('DIGEST_MISMATCH', `listed with ${plan.fileSize} bytes, the file has: ${size}`)
}

interface RangeContext {
  readonly buffer: Buffer
  /** Bytes of the body from this range's start on. */
  readonly left: number
  readonly verify: () => Promise<void>
}

async function* rangeChunks(
  body: Body,
  { start, end }: ByteRange,
  { buffer, left, verify }: RangeContext,
): AsyncGenerator<Buffer, void, undefined> {
  // From here on a byte belongs to the end that is held back.
  const held = body.complete ? end + 1 : start + left - HOLD_BACK_BYTES
  let verified = body.complete
  for (let position = start; position <= end;) {
    if (!verified && position >= held) {
      await verify()
      verified = true
    }
    const limit = verified ? end + 1 : Math.min(end + 1, held)
    const count = await body.read(buffer.subarray(0, Math.min(buffer.length, limit - position)), position)
    if (count === 0) {
      const code = body.complete ? 'BLOB_UNREADABLE' : 'STORE_FAILED'
      throw new PinyonError(code, `a body ended early: ${position} of ${end + 1} bytes`)
    }
    yield buffer.subarray(0, count)
    position += count
  }
}
