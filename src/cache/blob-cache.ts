import { LRUCache } from 'lru-cache'

import { digestAlgorithm, digestOf, finishDigest, startDigest, type Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { NO_OPTIONS } from '../system/no-options.ts'
import type { Blob, BlobStore, ReadableBytes } from './blob-store.ts'
import { createMemorySource, HeldBlob, SmallBlob, type SharedBlob } from './shared-blob.ts'

/** Bounds of what is kept warm. */
export interface BlobCacheLimits {
  /** Bytes of blobs kept in memory. */
  readonly memoryBytes: number
  /** Largest blob kept in memory from its first use on, in bytes. */
  readonly smallBlobBytes: number
  /** Files of larger blobs kept open. */
  readonly openFiles: number
}

/** Where blobs are that are not warm. */
export type BlobSource = Pick<BlobStore, 'open' | 'remove'>

/** A larger blob goes into memory when its open file was asked for so often, unless it took more than such a part of the memory. */
const HOT_HITS = 3
const HOT_PART = 1 / 4

/** Piece of a blob that is read and hashed at a time, in bytes: a tenth of a millisecond. */
const CHECK_BYTES = 256 << 10

/** Uses remembered until they are asked for. */
const MAX_USED = 100_000

const DEFAULT_LIMITS: BlobCacheLimits = { memoryBytes: 64 << 20, smallBlobBytes: 64 << 10, openFiles: 256 }

/**
 * The warm end of a blob store: small blobs and those that are asked for often in memory, others as open files, so that a repeated hit needs
 * neither an await nor a system call to be found. Blobs never change, so nothing here is ever stale; a removed one is {@link forget}ten.
 */
export class BlobCache {
  readonly #store: BlobSource
  readonly #limits: BlobCacheLimits
  /** Told of blobs that are dropped since the store has them no longer; another process may hold them as well. */
  onForget: ((digest: Digest) => void) | undefined
  readonly #used = new Set<Digest>()
  readonly #memory: LRUCache<Digest, SmallBlob | HeldBlob>
  readonly #open: LRUCache<Digest, HeldBlob>
  /** Of larger blobs in memory, those included that only a slow client's answer still holds. */
  #hotBytes = 0
  #isHeating = false
  /** Stored files that were found not to have their digest, and removed. */
  rottenCount = 0

  constructor(store: BlobSource, limits: Partial<BlobCacheLimits> = {}) {
    this.#store = store
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#memory = new LRUCache({
      maxSize: this.#limits.memoryBytes,
      // What an entry costs beside its bytes; empty files count too.
      sizeCalculation: (blob) => blob.size + 256,
      dispose: (blob) => blob.release(),
    })
    this.#open = new LRUCache({ max: this.#limits.openFiles, dispose: (blob) => blob.release() })
  }

  /** Bytes of blobs in memory, those included that only a slow client's answer still holds. */
  get heldBytes(): number {
    return Math.max(this.#memory.calculatedSize, this.#hotBytes)
  }

  /** The blob, if it is warm. */
  peek(digest: Digest): SharedBlob | undefined {
    const blob = this.#memory.get(digest, NO_OPTIONS)?.retain() ?? this.#peekOpen(digest)
    if (blob !== undefined && this.#used.size < MAX_USED) this.#used.add(digest)
    return blob
  }

  /** Notes that another process has used these. */
  noteUsed(digests: readonly Digest[]): void {
    for (const digest of digests.slice(0, MAX_USED - this.#used.size)) this.#used.add(digest)
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
      await this.#dropRotten(digest)
      return undefined
    }
    const shared = new HeldBlob(blob)
    // Two may have opened it at once; the cache keeps one of them and releases the other.
    this.#open.set(digest, shared)
    return shared.retain()
  }

  /** Drops a blob that was removed from the store, or found wrong. */
  forget(digest: Digest): void {
    this.onForget?.(digest)
    this.#memory.delete(digest)
    this.#open.delete(digest)
  }

  /** Closes every file kept open. */
  close(): void {
    this.#open.clear()
    this.#memory.clear()
  }

  async #dropRotten(digest: Digest): Promise<void> {
    this.rottenCount += 1
    await this.#store.remove(digest)
  }

  #peekOpen(digest: Digest): SharedBlob | undefined {
    const blob = this.#open.get(digest, NO_OPTIONS)
    if (blob === undefined) return undefined
    blob.hits += 1
    if (blob.hits >= HOT_HITS && !this.#isHeating && this.#hasRoom(blob.size)) void this.#heat(digest, blob)
    return blob.retain()
  }

  /** What has left the cache and is still being sent takes memory too: together no more than twice what may be kept. */
  #hasRoom(size: number): boolean {
    const { memoryBytes } = this.#limits
    return size <= memoryBytes * HOT_PART && this.#hotBytes + size <= 2 * memoryBytes
  }

  /** Takes a file into memory, one at a time, and on that occasion holds it against its digest. */
  async #heat(digest: Digest, file: HeldBlob): Promise<void> {
    this.#isHeating = true
    const source = file.retain()
    try {
      const bytes = Buffer.allocUnsafeSlow(source.size)
      const isRight = await readHashing(source, digest, bytes)
      // It was forgotten meanwhile, or pushed out by others.
      if (this.#open.peek(digest) !== file) return
      this.#open.delete(digest)
      if (!isRight) return await this.#dropRotten(digest)
      this.#hotBytes += bytes.length
      const free = () => (this.#hotBytes -= bytes.length)
      this.#memory.set(digest, new HeldBlob(createMemorySource(digest, bytes, free)))
    } catch {
      // Who reads it for a client finds the same, and sees to it.
      file.hits = Number.NEGATIVE_INFINITY
    } finally {
      source.release()
      this.#isHeating = false
    }
  }

  async #remember(blob: Blob): Promise<SharedBlob | undefined> {
    const { digest } = blob
    const bytes = await readAndClose(blob)
    if (digestOf(bytes, digestAlgorithm(digest)) !== digest) {
      await this.#dropRotten(digest)
      return undefined
    }
    const small = new SmallBlob(bytes)
    this.#memory.set(digest, small)
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
  try {
    return await readHashing(blob, blob.digest)
  } catch (error) {
    blob.close()
    throw error
  }
}

/** Reads all of a blob, into one buffer or over a small one; whether its bytes have this digest. */
async function readHashing(
  blob: ReadableBytes & { readonly size: number },
  digest: Digest,
  into?: Buffer,
): Promise<boolean> {
  const algorithm = digestAlgorithm(digest)
  const hash = startDigest(algorithm)
  const piece = into ?? Buffer.allocUnsafe(CHECK_BYTES)
  for (let offset = 0; offset < blob.size;) {
    const target = into === undefined ? piece : piece.subarray(offset, offset + CHECK_BYTES)
    const count = await blob.read(target, offset)
    if (count === 0) throw endedEarly({ digest, size: blob.size }, offset)
    hash.update(target.subarray(0, count))
    offset += count
  }
  return finishDigest(algorithm, hash) === digest
}

function endedEarly(blob: Pick<Blob, 'digest' | 'size'>, offset: number): PinyonError {
  return new PinyonError(
    'BLOB_UNREADABLE',
    `blob ${blob.digest} ended early: ${offset} of ${blob.size} bytes`,
  )
}
