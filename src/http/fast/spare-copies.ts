import { copyOf } from './shared-reads.ts'

/** Copies of so many bytes are made into memory that is used again. */
const LARGE_BYTES = 16 << 10
/** What is read at once is no longer, in bytes. */
const SPARE_BYTES = 64 << 10
/** So many pieces of memory are kept. */
const MAX_SPARE = 4

/**
 * Memory for copies of what is longer than a request of the simple form: the garbage collector goes through everything after ten megabytes
 * of such. Knows its own by what it has made, not by their looks: whatever another process sends comes in pieces of 64 KiB as well.
 */
export class SpareCopies {
  readonly #spare: ArrayBuffer[] = []
  readonly #lent = new WeakSet<ArrayBufferLike>()

  /** A copy of what lies in a buffer that is used again. */
  copyOf(bytes: Buffer, count: number): Buffer {
    if (count < LARGE_BYTES || count > SPARE_BYTES) return copyOf(bytes, count)
    const memory = this.#spare.pop() ?? new ArrayBuffer(SPARE_BYTES)
    this.#lent.add(memory)
    const copy = Buffer.from(memory, 0, count)
    bytes.copy(copy, 0, 0, count)
    return copy
  }

  /** Takes back a copy to whose bytes nobody refers any more; of anything else nothing. */
  giveBack({ buffer }: Buffer): void {
    // Once: it is lent again when it is made a copy of again.
    if (!this.#lent.delete(buffer)) return
    if (this.#spare.length < MAX_SPARE) this.#spare.push(buffer as ArrayBuffer)
  }
}
