import type { ChunkPool } from '../cache/chunk-pool.ts'
import type { LentBytes } from '../cache/lent-piece.ts'
import { PinyonError } from '../model/errors.ts'
import { heldBackBytes, nextTrickle } from '../model/minimum-rate.ts'
import type { Body } from '../proxy/body.ts'
import { withinMs } from '../system/within-ms.ts'
import { isRange, pieceLength, type BodyPlan } from './body-plan.ts'
import { endedEarly, gatheredChunks, memoryChunks } from './gathered-chunks.ts'
import type { ByteRange } from './range.ts'

/**
 * The end of every body that is held back until its digest is known to be right; more of what comes slowly. Bodies up to this size are
 * sent only when they are right as a whole, so that a wrong first copy never shows.
 */
export const HOLD_BACK_BYTES = 16 << 10

/** So much of it is held back however long that takes: what is wrong is never whole. */
export const LAST_BYTES = 1 << 10

/**
 * The bytes of a planned body, in chunks that are valid only until the next one is asked for. The last of them come after the digest
 * was found right: what is wrong is never sent to its end.
 */
export function bodyChunks(
  body: Body,
  plan: BodyPlan,
  pool: ChunkPool,
): AsyncGenerator<Buffer, void, undefined> {
  const [only] = plan.pieces
  if (body.bytes !== undefined && plan.pieces.length === 1 && only !== undefined && isRange(only))
    return fromMemory(body.bytes, only)
  return body.complete && plan.pieces.length > 1
    ? gatheredChunks(body, plan, pool)
    : pieceByPiece(body, plan, pool)
}

async function* fromMemory(bytes: Buffer, range: ByteRange): AsyncGenerator<Buffer, void, undefined> {
  yield* memoryChunks(bytes, range)
}

/** In one generator: through each further one a chunk would take three more steps. */
async function* pieceByPiece(
  body: Body,
  plan: BodyPlan,
  pool: ChunkPool,
): AsyncGenerator<Buffer, void, undefined> {
  let buffer: Buffer | undefined
  let lent: LentBytes | undefined
  let left = plan.contentLength
  const verify = () => verifyPlanned(body, plan)
  try {
    // An empty body has no end to hold back.
    if (left === 0) await verify()
    for (const piece of plan.pieces) {
      if (isRange(piece)) {
        const tail = new HeldTail(body, { bytes: piece.start + left, plan, verify })
        for (let position = piece.start; position <= piece.end;) {
          const known = body.complete ? Infinity : tail.knownLimitAt(position)
          const wanted = Math.min(piece.end + 1, known ?? (await tail.nextLimit(position))) - position
          lent = body.lend === undefined ? undefined : await body.lend(position, wanted)
          if (lent === undefined) {
            buffer ??= pool.take(plan.contentLength)
            const count = await body.read(buffer.subarray(0, wanted), position)
            if (count === 0) throw endedEarly(body, position, piece.end + 1)
            yield buffer.subarray(0, count)
            position += count
          } else {
            yield lent.bytes
            position += lent.bytes.length
            lent.release()
            lent = undefined
          }
        }
      } else {
        if (left <= HOLD_BACK_BYTES) await verify()
        yield Buffer.from(piece, 'latin1')
      }
      left -= pieceLength(piece)
    }
  } finally {
    lent?.release()
    if (buffer !== undefined) pool.give(buffer)
  }
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

/** Where the end of an answer begins that is held back, as a place in the file. */
class HeldTail {
  readonly #body: Body
  readonly #plan: BodyPlan
  readonly #verify: () => Promise<void>
  /** The end of the answer, were all that is left of it one range. */
  readonly #end: number
  #verdict: Promise<boolean> | undefined
  #isRight = false
  /** How far it was let go, as nothing else could, and from where on. */
  #letGo = 0
  #letGoFrom: number | undefined

  constructor(body: Body, of: { bytes: number; plan: BodyPlan; verify: () => Promise<void> }) {
    this.#body = body
    this.#plan = of.plan
    this.#verify = of.verify
    this.#end = of.bytes
  }

  /** Up to where may be sent from this position on; undefined where that is no further than it, for now. */
  knownLimitAt(position: number): number | undefined {
    if (this.#isRight) return Infinity
    const held = Math.max(this.#end - this.#heldBytes(), this.#letGo)
    return position < held ? held : undefined
  }

  /** Waits until that is further than it, a little at least, and gives it. */
  async nextLimit(position: number): Promise<number> {
    this.#verdict ??= this.#verify().then(() => true)
    // A whole answer that is held back is right before it begins; of others the client has a part, and waits for bytes.
    const last = this.#end - LAST_BYTES
    const mayTrickle = this.#body.bytesPerSecond !== undefined && this.#plan.contentLength > HOLD_BACK_BYTES
    this.#letGoFrom ??= position
    const { afterMs, bytes } = nextTrickle(last - position, last - this.#letGoFrom)
    if (!mayTrickle || position >= last) this.#isRight = await this.#verdict
    else this.#isRight = (await withinMs(this.#verdict, afterMs)) === true
    if (this.#isRight) return Infinity
    this.#letGo = Math.min(position + bytes, last)
    return this.#letGo
  }

  #heldBytes(): number {
    const { fileSize, contentLength } = this.#plan
    const bytesPerSecond = this.#body.bytesPerSecond?.()
    return heldBackBytes(HOLD_BACK_BYTES, { size: fileSize, bytesPerSecond }, contentLength)
  }
}
