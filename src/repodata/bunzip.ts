import bitIterator from 'unbzip2-stream/lib/bit_iterator.js'
import bzip2 from 'unbzip2-stream/lib/bzip2.js'

/** A block's size is stated in this unit, as one digit. */
const BLOCK_UNIT_BYTES = 100_000

/** More than a compressed block takes beyond its block size, and more than the header and end of a stream. */
const BLOCK_MARGIN_BYTES = 25_000

/** Parallel compressors make a stream of every block. A stream may be empty: fourteen bytes, and still some work. */
const MAX_STREAMS = 10_000

/** Run lengths make at most this of one block: five bytes of it can stand for 259. */
const MAX_BLOCK_OUTPUT_BYTES = 52 * 9 * BLOCK_UNIT_BYTES

const CUT_SHORT = new Error('unexpected end of file')
const TOO_MANY = new Error(`more than ${MAX_STREAMS} streams`)

/** Bytes that grow at the end. */
class ByteSink {
  #bytes = Buffer.allocUnsafe(BLOCK_UNIT_BYTES)
  #length = 0

  readonly push = (byte: number): void => {
    if (this.#length === this.#bytes.length) {
      if (this.#length > MAX_BLOCK_OUTPUT_BYTES) throw new Error('a block too large to be one')
      this.#bytes = Buffer.concat([this.#bytes], 2 * this.#length)
    }
    this.#bytes[this.#length++] = byte
  }

  /** All bytes since the last call, not copied. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length)
    this.#bytes = Buffer.allocUnsafe(BLOCK_UNIT_BYTES)
    this.#length = 0
    return taken
  }
}

/**
 * Decompresses bzip2, several streams in a row too, one block (900 kB, at the very most 47 MB) at a time. Throws an Error
 * that says what is wrong when the input is corrupt or cut short.
 */
export class Bunzip {
  readonly #queue: Buffer[] = []
  readonly #sink = new ByteSink()
  #receivedBytes = 0
  #bits: ReturnType<typeof bitIterator> | undefined
  /** Where blocks are decoded: of all streams the same, since clearing it takes longer than an empty stream. */
  #memory = new Int32Array(0)
  #work: Int32Array | undefined
  #checksum = 0
  #streams = 0

  /** Takes more input. */
  write(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#queue.push(bytes)
    this.#receivedBytes += bytes.length
  }

  /**
   * Decodes the next block.
   * @param ended whether all input was written; until then only blocks that are there for certain are decoded
   * @returns undefined when there is none, for want of input or because all was decoded
   */
  next(ended: boolean): Buffer | undefined {
    try {
      return this.#decode(ended)
    } catch (cause) {
      if (cause === CUT_SHORT || cause === TOO_MANY) throw cause
      throw new Error('corrupt data', { cause })
    }
  }

  #decode(ended: boolean): Buffer | undefined {
    if (this.#receivedBytes === 0) return undefined
    const bits = (this.#bits ??= bitIterator(() => this.#shift()))
    for (;;) {
      const needed = BLOCK_MARGIN_BYTES + (this.#work?.length ?? 0)
      const left = this.#receivedBytes - bits.bytesRead
      if (ended ? left === 0 : left < needed) break
      if (this.#work === undefined) {
        this.#work = this.#begin(bzip2.header(bits) * BLOCK_UNIT_BYTES)
        this.#checksum = 0
        continue
      }
      const checksum = bzip2.decompress(bits, this.#sink.push, this.#work, this.#work.length, this.#checksum)
      if (checksum !== null) {
        this.#checksum = checksum
        return this.#sink.take()
      }
      this.#work = undefined
    }
    if (ended && this.#work !== undefined) throw CUT_SHORT
    return undefined
  }

  #begin(blockBytes: number): Int32Array {
    this.#streams += 1
    if (this.#streams > MAX_STREAMS) throw TOO_MANY
    if (this.#memory.length < blockBytes) this.#memory = new Int32Array(blockBytes)
    return this.#memory.subarray(0, blockBytes)
  }

  #shift(): Buffer {
    const bytes = this.#queue.shift()
    if (bytes === undefined) throw CUT_SHORT
    return bytes
  }
}
