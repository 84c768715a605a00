import { LRUCache } from 'lru-cache'

import { digestAlgorithm, digestOf, finishDigest, startDigest, type Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import type { Blob, BlobStore, ReadableBytes } from './blob-store.ts'

/** A complete blob that several requests may read at once; each calls `release` when done. */
export interface SharedBlob extends ReadableBytes {
  readonly size: number
  /** All of it, when it is small enough to be kept in memory. */
  readonly bytes?: Buffer
  release(): void
}

/** Bounds of what is kept warm. */
export interface BlobCacheLimits {
  /** Bytes of small blobs kept in memory. */
  readonly memoryBytes: number
  /** Largest blob kept in memory, in bytes. */
  readonly smallBlobBytes: number
  /** Files of larger blobs kept open. */
  readonly openFiles: number
}

/** Piece of a doubtful blob that is hashed at a time, in bytes. */
const CHECK_BYTES = 256 << 10

/** Uses remembered until they are asked for. */
const MAX_USED = 100_000

const DEFAULT_LIMITS: BlobCacheLimits = { memoryBytes: 64 << 20, smallBlobBytes: 64 << 10, openFiles: 256 }

/**
 * The warm end of a blob store: small blobs in memory, larger ones as open files, so that a repeated hit needs neither an await
 * nor a system call to be found. Blobs never change, so nothing here is ever stale; a removed one is {@link forget}ten.
 */
export class BlobCache {
  readonly #store: BlobStore
  readonly #limits: BlobCacheLimits
  readonly #used = new Set<Digest>()
  readonly #small: LRUCache<Digest, SmallBlob>
  readonly #open: LRUCache<Digest, OpenBlob>

  constructor(store: BlobStore, limits: Partial<BlobCacheLimits> = {}) {
    this.#store = store
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#small = new LRUCache({
      maxSize: this.#limits.memoryBytes,
      // What an entry costs beside its bytes; empty files count too.
      sizeCalculation: (blob) => blob.size + 256,
    })
    this.#open = new LRUCache({ max: this.#limits.openFiles, dispose: (blob) => blob.release() })
  }

  /** The blob, if it is warm. */
  peek(digest: Digest): SharedBlob | undefined {
    const blob = this.#small.get(digest) ?? this.#open.get(digest)?.retain()
    if (blob !== undefined && this.#used.size < MAX_USED) this.#used.add(digest)
    return blob
  }

  /** The blobs that were used since this was asked last, each once; of very many, only the first. */
  takeUsed(): readonly Digest[] {
    const used = [...this.#used]
    this.#used.clear()
    return used
  }

  /**
   * The blob, or undefined when the store has none. A small one, which is read whole anyway, is held against its digest. A larger one
   * only when its size is not the listed one: it has rotted or is listed wrongly, and its bytes decide. A rotten one is removed, so
   * that it will be filled again; no listing can make us drop a right one.
   */
  async open(digest: Digest, listedSize?: number): Promise<SharedBlob | undefined> {
    const warm = this.peek(digest)
    if (warm !== undefined) return warm
    const blob = await this.#store.open(digest)
    if (blob === undefined) return undefined
    if (this.#used.size < MAX_USED) this.#used.add(digest)
    if (blob.size <= this.#limits.smallBlobBytes) return await this.#remember(blob)
    if (listedSize !== undefined && blob.size !== listedSize && !(await isIntact(blob))) {
      blob.close()
      await this.#store.remove(digest)
      return undefined
    }
    const shared = new OpenBlob(blob)
    // Two may have opened it at once; the cache keeps one of them and releases the other.
    this.#open.set(digest, shared)
    return shared.retain()
  }

  /** Drops a blob that was removed from the store, or found wrong. */
  forget(digest: Digest): void {
    this.#small.delete(digest)
    this.#open.delete(digest)
  }

  /** Closes every file kept open. */
  close(): void {
    this.#open.clear()
    this.#small.clear()
  }

  async #remember(blob: Blob): Promise<SharedBlob | undefined> {
    const { digest } = blob
    const bytes = await readAndClose(blob)
    if (digestOf(bytes, digestAlgorithm(digest)) !== digest) {
      await this.#store.remove(digest)
      return undefined
    }
    const small = new SmallBlob(bytes)
    this.#small.set(digest, small)
    return small
  }
}

async function readAndClose(blob: Blob): Promise<Buffer> {
  try {
    const bytes = Buffer.allocUnsafeSlow(blob.size)
    for (let offset = 0; offset < blob.size;) {
      const count = await blob.read(bytes.subarray(offset), offset)
      if (count === 0) throw endedEarly(blob, offset)
      offset += count
    }
    return bytes
  } finally {
    blob.close()
  }
}

/** Whether a blob's bytes still have its digest. Closes it when they cannot be read. */
async function isIntact(blob: Blob): Promise<boolean> {
  const algorithm = digestAlgorithm(blob.digest)
  const hash = startDigest(algorithm)
  const buffer = Buffer.allocUnsafe(CHECK_BYTES)
  try {
    for (let offset = 0; offset < blob.size;) {
      const count = await blob.read(buffer, offset)
      if (count === 0) throw endedEarly(blob, offset)
      hash.update(buffer.subarray(0, count))
      offset += count
    }
  } catch (error) {
    blob.close()
    throw error
  }
  return finishDigest(algorithm, hash) === blob.digest
}

function endedEarly(blob: Blob, offset: number): PinyonError {
  return new PinyonError(
    'BLOB_UNREADABLE',
    `blob ${blob.digest} ended early: ${offset} of ${blob.size} bytes`,
  )
}

class SmallBlob implements SharedBlob {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get size(): number {
    return this.bytes.length
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return Promise.resolve(position < this.size ? this.bytes.copy(target, 0, position) : 0)
  }

  release(): void {
    // Memory is the garbage collector's.
  }
}

/** Counts its holders; the file is closed when the last one and the cache have let go. */
class OpenBlob {
  readonly #blob: Blob
  #holders = 1

  /** Held by whoever makes it. */
  constructor(blob: Blob) {
    this.#blob = blob
  }

  retain(): SharedBlob {
    this.#holders += 1
    return new BlobHandle(this.#blob, this)
  }

  release(): void {
    this.#holders -= 1
    if (this.#holders === 0) this.#blob.close()
  }
}

/** One holder's part in an open file: what it releases twice is still released once. */
class BlobHandle implements SharedBlob {
  readonly #blob: Blob
  #shared: OpenBlob | undefined

  constructor(blob: Blob, shared: OpenBlob) {
    this.#blob = blob
    this.#shared = shared
  }

  get size(): number {
    return this.#blob.size
  }

  read(target: Uint8Array, position: number): Promise<number> {
    // The descriptor may be another file's by now.
    if (this.#shared === undefined)
      return Promise.reject(new PinyonError('STORE_FAILED', `reading ${this.#blob.digest} after its release`))
    return this.#blob.read(target, position)
  }

  release(): void {
    this.#shared?.release()
    this.#shared = undefined
  }
}
