/** Bytes of a piece of memory: what a fast upstream sends at once, and still in the processor's cache. */
export const PIECE_BYTES = 512 << 10
/** Of pieces that nobody uses so many are kept: 16 MiB, what a dozen fills at a time go through. */
const MAX_FREE = 32
/** So many of those for ever; of the others each goes that was not used for so long, in milliseconds. */
const FEW_FREE = 4
const UNUSED_MS = 10_000
/** Fewer bytes than that get memory of their own, so that a trickle does not hold a piece for each of its drops. */
const FEW_BYTES = 16 << 10

/** Where the memory of a piece says whose it is. */
const LENT = Symbol('lent')

interface Lent {
  readonly from: Pieces
  readonly piece: Buffer
  isOut: boolean
}

/**
 * Memory for bytes on their way, used again and again: what is allocated for each read counts as old at once, and the garbage collector goes through
 * everything after ten megabytes of it. Who has a piece may keep it for ever; who knows that nobody reads it any more gives it back.
 */
export class Pieces {
  readonly #free: Lent[] = []
  /** The fewest that were free since the last look. */
  #fewest = 0
  #timer: NodeJS.Timeout | undefined

  /** A piece to write into. */
  take(): Buffer {
    const lent = this.#free.pop() ?? this.#create()
    this.#fewest = Math.min(this.#fewest, this.#free.length)
    lent.isOut = true
    return lent.piece
  }

  /** What was written into a piece, as bytes that are their holder's: the piece itself where they are many, else a copy. */
  pass(piece: Buffer, count: number): Buffer {
    if (count >= FEW_BYTES) return piece.subarray(0, count)
    const few = Buffer.from(piece.subarray(0, count))
    giveBack(piece)
    return few
  }

  /** To be called by {@link giveBack}. */
  keep(lent: Lent): void {
    if (this.#free.length >= MAX_FREE) return
    this.#free.push(lent)
    if (this.#free.length > FEW_FREE) this.#lookLater()
  }

  #lookLater(): void {
    if (this.#timer !== undefined) return
    this.#fewest = this.#free.length
    this.#timer = setTimeout(() => this.#dropUnused(), UNUSED_MS).unref()
  }

  #dropUnused(): void {
    this.#timer = undefined
    // Those that were given back last are taken first.
    this.#free.splice(0, this.#fewest - FEW_FREE)
    if (this.#free.length > FEW_FREE) this.#lookLater()
  }

  #create(): Lent {
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
    const lent = { from: this, piece, isOut: true }
    Reflect.set(piece.buffer, LENT, lent)
    return lent
  }
}

/** Gives back the piece that bytes are of, which nobody reads or writes any more; does nothing with other bytes, nor when repeated. */
export function giveBack(bytes: Uint8Array): void {
  const lent = Reflect.get(bytes.buffer, LENT) as Lent | undefined
  if (lent?.isOut !== true) return
  lent.isOut = false
  lent.from.keep(lent)
}
