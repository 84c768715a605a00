import { giveBack, PIECE_BYTES, type Pieces } from '../system/pieces.ts'

/** How whoever brings a body is held up, and told that nobody wants more of it. */
export interface BodyFlow {
  readonly pause: () => void
  readonly resume: () => void
  readonly giveUp: () => void
  /** Told when all of it was read. */
  readonly onRead: () => void
}

/** So much may wait for its reader, and as much more as comes at once, in bytes. */
const WAITING_BYTES = 512 << 10
/** The first piece is no longer: somebody waits for it, and it is stored and hashed before it goes on. In bytes. */
const FIRST_BYTES = 32 << 10

/** A body that comes by itself, gathered in pieces of memory: its reader gets what has come since it last asked. */
export class PieceBody implements AsyncIterableIterator<Uint8Array> {
  readonly #pieces: Pieces
  readonly #flow: BodyFlow
  /** Full ones, and the one that is written into, up to where that is. */
  readonly #full: Buffer[] = []
  #last: Buffer | undefined
  #lastBytes = 0
  #waiting = 0
  #pieceBytes = FIRST_BYTES
  #isPaused = false
  #state: 'coming' | 'whole' | 'failed' | 'given up' = 'coming'
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor(pieces: Pieces, flow: BodyFlow) {
    this.#pieces = pieces
    this.#flow = flow
  }

  /** Bytes have come, which are valid during the call. */
  push(bytes: Uint8Array): void {
    if (this.#state !== 'coming') return
    for (let at = 0; at < bytes.length;) {
      const piece = (this.#last ??= this.#pieces.take())
      const some = bytes.subarray(at, at + this.#pieceBytes - this.#lastBytes)
      piece.set(some, this.#lastBytes)
      at += some.length
      this.#lastBytes += some.length
      if (this.#lastBytes === this.#pieceBytes) {
        this.#full.push(piece.subarray(0, this.#lastBytes))
        this.#dropLast()
        this.#pieceBytes = PIECE_BYTES
      }
    }
    this.#noteCome(bytes.length)
  }

  /** Bytes have come that lie at the beginning of a piece of their own, which is this body's from now on. */
  adopt(piece: Buffer, count: number): void {
    if (this.#state !== 'coming') return giveBack(piece)
    if (this.#last !== undefined) this.#full.push(this.#last.subarray(0, this.#lastBytes))
    this.#full.push(piece.subarray(0, count))
    this.#dropLast()
    this.#pieceBytes = PIECE_BYTES
    this.#noteCome(count)
  }

  /** It is whole. */
  end(): void {
    if (this.#state === 'coming') this.#state = 'whole'
    this.#wakeReader()
  }

  /** It has broken off: what has come is read all the same. */
  fail(error: Error): void {
    if (this.#state !== 'coming') return
    this.#state = 'failed'
    this.#error = error
    this.#wakeReader()
  }

  /** One call at a time. Rejects with what it failed with. */
  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const step = this.#step()
    if (step !== undefined) return step
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    // Not at once: what comes in one go is one piece.
    return woken.then(() => this.next())
  }

  /** Nobody reads on: the connection ends, unless all has come. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (const piece of this.#full.splice(0)) giveBack(piece)
    if (this.#last !== undefined) giveBack(this.#last)
    this.#dropLast()
    const wasComing = this.#state === 'coming'
    this.#state = 'given up'
    if (wasComing) this.#flow.giveUp()
    else this.#flow.onRead()
    this.#wakeReader()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Undefined while it has to be waited for. */
  #step(): Promise<IteratorResult<Uint8Array, undefined>> | undefined {
    const value = this.#state === 'given up' ? undefined : this.#takePiece()
    if (value !== undefined) return Promise.resolve({ done: false, value })
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#state === 'coming') return undefined
    this.#flow.onRead()
    return Promise.resolve({ done: true, value: undefined })
  }

  #takePiece(): Buffer | undefined {
    const piece = this.#full.shift() ?? this.#takeLast()
    if (piece === undefined) return undefined
    this.#waiting -= piece.length
    if (this.#isPaused && this.#waiting < WAITING_BYTES) {
      this.#isPaused = false
      // More may come during the call; once all has, the connection may be another body's.
      if (this.#state === 'coming') this.#flow.resume()
    }
    return piece
  }

  #takeLast(): Buffer | undefined {
    if (this.#last === undefined) return undefined
    const piece = this.#pieces.pass(this.#last, this.#lastBytes)
    this.#dropLast()
    this.#pieceBytes = PIECE_BYTES
    return piece
  }

  #noteCome(count: number): void {
    this.#waiting += count
    if (this.#waiting >= WAITING_BYTES && !this.#isPaused) {
      this.#isPaused = true
      this.#flow.pause()
    }
    this.#wakeReader()
  }

  #dropLast(): void {
    this.#last = undefined
    this.#lastBytes = 0
  }

  #wakeReader(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
