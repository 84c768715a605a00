import type { BlobWriter, PartialBlob, ReadableBytes } from './blob-store.ts'

const COMPARE_BYTES = 64 << 10

/**
 * One try at downloading a blob: bytes that grow. A later attempt is compared, as it grows, with the one before, so that a reader in
 * the middle of the body knows whether it may go on with the new one.
 */
export class FillAttempt implements ReadableBytes {
  readonly #bytes: BlobWriter | PartialBlob
  readonly #previous: FillAttempt | undefined
  readonly #compareBuffer: Buffer | undefined
  /** Bytes that can be read. */
  written = 0
  /** Bytes from the start that are the same as the previous attempt's, as far as both go. */
  agreed = 0
  /** Whether a byte differs from the previous attempt's. */
  diverged = false

  constructor(bytes: BlobWriter | PartialBlob, previous?: FillAttempt) {
    this.#bytes = bytes
    this.#previous = previous
    if (previous !== undefined) this.#compareBuffer = Buffer.allocUnsafe(COMPARE_BYTES)
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#bytes.read(target, position)
  }

  /** Takes note that bytes up to `written` are there. */
  async grow(written: number): Promise<void> {
    if (this.#previous !== undefined) await this.#compare(written)
    this.written = written
  }

  async close(): Promise<void> {
    await this.#bytes.close()
  }

  /** Compares what came since the last call with the previous attempt, whose bytes are all on disk. */
  async #compare(written: number): Promise<void> {
    const previous = this.#previous
    const buffer = this.#compareBuffer
    if (previous === undefined || buffer === undefined || this.diverged) return
    const mine = Buffer.allocUnsafe(COMPARE_BYTES)
    const end = Math.min(written, previous.written)
    while (this.agreed < end) {
      const length = Math.min(COMPARE_BYTES, end - this.agreed)
      const [a, b] = await Promise.all([
        previous.read(buffer.subarray(0, length), this.agreed),
        this.#bytes.read(mine.subarray(0, length), this.agreed),
      ])
      const count = Math.min(a, b)
      if (count === 0 || !buffer.subarray(0, count).equals(mine.subarray(0, count))) {
        this.diverged = true
        return
      }
      this.agreed += count
    }
  }
}
