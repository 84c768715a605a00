import { giveBack } from '../system/pieces.ts'

/** Bytes in memory that stay as they are until they are given back. */
export interface LentBytes {
  readonly bytes: Buffer
  /** To be called once. */
  release(): void
}

/** So many pieces may be lent at a time, 16 MiB: who sends one to a slow client may keep it for long. */
const MAX_LENT = 32

/** How many pieces are lent. */
export class Loans {
  #count = 0

  /** Enters one, if it may be lent. */
  begin(): boolean {
    if (this.#count >= MAX_LENT) return false
    this.#count += 1
    return true
  }

  end(): void {
    this.#count -= 1
  }
}

/** A part of a body that is in memory, and lent to any number at a time. */
export class LentPiece {
  /** Where in the body it begins. */
  readonly from: number
  readonly bytes: Uint8Array
  readonly #loans: Loans
  #readers = 0
  #isDropped = false

  constructor(from: number, bytes: Uint8Array, loans: Loans) {
    this.from = from
    this.bytes = bytes
    this.#loans = loans
  }

  /** No more than so many of its bytes; undefined where too many pieces are lent. */
  lend(offset: number, count: number): LentBytes | undefined {
    if (this.#readers === 0 && !this.#loans.begin()) return undefined
    this.#readers += 1
    const { buffer, byteOffset, length } = this.bytes
    const bytes = Buffer.from(buffer, byteOffset + offset, Math.min(count, length - offset))
    return { bytes, release: () => this.#release() }
  }

  /** Its memory is given back once nobody reads it any more. */
  drop(): void {
    this.#isDropped = true
    if (this.#readers === 0) giveBack(this.bytes)
  }

  #release(): void {
    this.#readers -= 1
    if (this.#readers > 0) return
    this.#loans.end()
    if (this.#isDropped) giveBack(this.bytes)
  }
}
