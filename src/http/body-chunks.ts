import { PinyonError } from '../model/errors.ts'
import type { Body } from '../proxy/content.ts'
import { isRange, pieceLength, type BodyPlan } from './body-plan.ts'
import type { ByteRange } from './range.ts'

/** One buffer an answer, so that a thousand slow clients hold no more than this each, in bytes. */
const CHUNK_BYTES = 64 << 10

/**
 * The end of every body that is held back until its digest is known to be right. Bodies up to this size are sent only when they
 * are right as a whole, so that a wrong first copy never shows.
 */
export const HOLD_BACK_BYTES = 16 << 10

/**
 * The bytes of a planned body, in chunks that are valid only until the next one is asked for. The last of them come after the digest
 * was found right: what is wrong is never sent to its end.
 */
export async function* bodyChunks(body: Body, plan: BodyPlan): AsyncGenerator<Buffer, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(CHUNK_BYTES, plan.contentLength)))
  let left = plan.contentLength
  // An empty body has no end to hold back.
  if (left === 0 && !body.complete) await body.verified()
  for (const piece of plan.pieces) {
    if (isRange(piece)) yield* rangeChunks(body, piece, buffer, left)
    else {
      if (left <= HOLD_BACK_BYTES && !body.complete) await body.verified()
      yield piece
    }
    left -= pieceLength(piece)
  }
}

/** @param left bytes of the body from this range's start on */
async function* rangeChunks(
  body: Body,
  { start, end }: ByteRange,
  buffer: Buffer,
  left: number,
): AsyncGenerator<Buffer, void, undefined> {
  // From here on a byte belongs to the end that is held back.
  const held = body.complete ? end + 1 : start + left - HOLD_BACK_BYTES
  let verified = body.complete
  for (let position = start; position <= end;) {
    if (!verified && position >= held) {
      await body.verified()
      verified = true
    }
    const limit = verified ? end + 1 : Math.min(end + 1, held)
    const count = await body.read(buffer.subarray(0, Math.min(buffer.length, limit - position)), position)
    if (count === 0)
      throw new PinyonError('STORE_FAILED', `a body ended early: ${position} of ${end + 1} bytes`)
    yield buffer.subarray(0, count)
    position += count
  }
}
