/** Of a file that is sent, so much is read at a time, in bytes: fewer calls of the system, and still in the processor's cache. */
const LARGE_BYTES = 256 << 10
/** What an answer gets once the pool is lent out, so that a thousand slow clients hold no more than this each, in bytes. */
const SMALL_BYTES = 64 << 10
/** Large buffers there may be: 16 MiB. */
const MAX_LARGE = 64
/** Less than this is made anew, in bytes: of more the garbage collector would have to go through everything every few hundred answers. */
const TINY_BYTES = 8 << 10
/** Small buffers that are kept to be lent again: 1 MiB. */
const MAX_SMALL = 16

/** Buffers that files are read into on their way to clients, lent for the time of an answer. */
export class ChunkPool {
  readonly #free: Buffer[] = []
  readonly #small: Buffer[] = []
  /** Small ones that are lent in part, by what they are a part of. */
  readonly #parts = new Map<ArrayBufferLike, Buffer>()
  #lent = 0

  /** A buffer for a body of so many bytes; no larger than that, and at least a byte. */
  take(bodyBytes: number): Buffer {
    if (bodyBytes < TINY_BYTES) return Buffer.allocUnsafeSlow(Math.max(1, bodyBytes))
    if (bodyBytes <= SMALL_BYTES) return this.#takeSmall(bodyBytes)
    if (this.#lent >= MAX_LARGE) return Buffer.allocUnsafeSlow(SMALL_BYTES)
    this.#lent += 1
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES)
  }

  /** Takes a buffer back, which nobody may read or write any more. */
  give(buffer: Buffer): void {
    const whole = this.#parts.get(buffer.buffer)
    if (whole !== undefined) {
      this.#parts.delete(buffer.buffer)
      this.#small.push(whole)
    }
    if (buffer.length !== LARGE_BYTES) return
    this.#lent -= 1
    this.#free.push(buffer)
  }

  #takeSmall(bytes: number): Buffer {
    const isFull = this.#parts.size + this.#small.length >= MAX_SMALL
    const whole = this.#small.pop() ?? (isFull ? undefined : Buffer.allocUnsafeSlow(SMALL_BYTES))
    if (whole === undefined) return Buffer.allocUnsafeSlow(bytes)
    this.#parts.set(whole.buffer, whole)
    return whole.subarray(0, bytes)
  }
}
