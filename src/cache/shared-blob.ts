import type { Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import type { ReadableBytes } from './blob-store.ts'

/** A complete blob that several requests may read at once; each calls `release` when done. */
export interface SharedBlob extends ReadableBytes {
  readonly size: number
  /** All of it, when it is in memory. */
  readonly bytes?: Buffer | undefined
  release(): void
}

/** What a {@link HeldBlob} holds: an open file, or bytes that count. */
export interface BlobSource extends ReadableBytes {
  readonly digest: Digest
  readonly size: number
  readonly bytes?: Buffer
  /** Called once nobody holds it any more. */
  close(): void
}

/** A small blob in memory, which is the garbage collector's to take away. */
export class SmallBlob implements SharedBlob {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get size(): number {
    return this.bytes.length
  }

  retain(): SharedBlob {
    return this
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return Promise.resolve(readBytes(this.bytes, target, position))
  }

  release(): void {
    // Nothing is counted.
  }
}

/** Counts its holders; what it holds is closed when the last one and the cache have let go. */
export class HeldBlob {
  readonly #source: BlobSource
  #holders = 1
  /** How often it was asked for. */
  hits = 0

  /** Held by whoever makes it. */
  constructor(source: BlobSource) {
    this.#source = source
  }

  get size(): number {
    return this.#source.size
  }

  retain(): SharedBlob {
    this.#holders += 1
    return new BlobHandle(this.#source, this)
  }

  release(): void {
    this.#holders -= 1
    if (this.#holders === 0) this.#source.close()
  }
}

/** Bytes in memory as something to hold; `onClose` is told when nobody does any more. */
export function createMemorySource(digest: Digest, bytes: Buffer, onClose: () => void): BlobSource {
  return {
    digest,
    size: bytes.length,
    bytes,
    read: (target, position) => Promise.resolve(readBytes(bytes, target, position)),
    close: onClose,
  }
}

function readBytes(bytes: Buffer, target: Uint8Array, position: number): number {
  return position < bytes.length ? bytes.copy(target, 0, position) : 0
}

/** One holder's part: what it releases twice is still released once. */
class BlobHandle implements SharedBlob {
  readonly #source: BlobSource
  #held: HeldBlob | undefined

  constructor(source: BlobSource, held: HeldBlob) {
    this.#source = source
    this.#held = held
  }

  get size(): number {
    return this.#source.size
  }

  get bytes(): Buffer | undefined {
    return this.#source.bytes
  }

  read(target: Uint8Array, position: number): Promise<number> {
    // The descriptor may be another file's by now.
    if (this.#held === undefined)
      return Promise.reject(
        new PinyonError('STORE_FAILED', `reading ${this.#source.digest} after its release`),
      )
    return this.#source.read(target, position)
  }

  release(): void {
    this.#held?.release()
    this.#held = undefined
  }
}
