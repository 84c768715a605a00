import { LRUCache } from 'lru-cache'

import type { BlobCache } from '../../cache/blob-cache.ts'
import { ChunkPool } from '../../cache/chunk-pool.ts'
import { isUnreadable } from '../../cache/file-descriptor.ts'
import type { FastContent } from '../../http/fast/fast-context.ts'
import type { Digest } from '../../model/digest.ts'
import type { Body } from '../../proxy/body.ts'
import { CachedBody } from '../../proxy/content.ts'
import type { FileReply } from '../../proxy/reply.ts'
import { Turns } from '../../system/turns.ts'

/** A file that could not be read is the first process's for so long, in milliseconds: it may be unable to move it away, and opening it goes well. */
const UNREADABLE_MS = 10_000
const MAX_UNREADABLE = 1_000

/** The bytes of files that are stored, and of no others: whether they may be given out was decided before. */
export class StoredContent implements FastContent {
  readonly chunks = new ChunkPool()
  readonly turns = new Turns()
  readonly #blobs: BlobCache
  readonly #unreadable = new LRUCache<Digest, true>({ max: MAX_UNREADABLE, ttl: UNREADABLE_MS })
  readonly #onUnreadable: (digest: Digest, error: Error) => void

  /** @param onUnreadable told of a file that the disk does not give back */
  constructor(blobs: BlobCache, onUnreadable: (digest: Digest, error: Error) => void) {
    this.#blobs = blobs
    this.#onUnreadable = onUnreadable
  }

  /** The body if it is warm: without an await. */
  peek({ digest }: FileReply): Body | undefined {
    const blob = this.#blobs.peek(digest)
    return blob === undefined ? undefined : new CachedBody(blob)
  }

  /** Makes a file warm; false when it is not stored, or cannot be read. */
  async warm(file: FileReply): Promise<boolean> {
    if (this.#unreadable.has(file.digest)) return false
    try {
      const blob = await this.#blobs.open(file.digest, file.size)
      blob?.release()
      return blob !== undefined
    } catch (error) {
      await this.dropUnreadable(file, error)
      return false
    }
  }

  /** Forgets a file when this error says that it cannot be read, and says so. */
  async dropUnreadable({ digest }: FileReply, error: unknown): Promise<boolean> {
    if (!isUnreadable(error)) return false
    this.#unreadable.set(digest, true)
    this.#blobs.forget(digest)
    this.#onUnreadable(digest, error as Error)
    return true
  }
}
