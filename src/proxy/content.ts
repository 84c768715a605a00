import type { BlobCache, SharedBlob } from '../cache/blob-cache.ts'
import type { ReadableBytes } from '../cache/blob-store.ts'
import type { FillTable } from '../cache/fill-table.ts'
import type { FillSource } from '../cache/source-race.ts'
import { PinyonError } from '../model/errors.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { FileOutcome, FileReply } from './reply.ts'

/** An open body: of a blob that is there, or of one that is just coming. */
export interface Body extends ReadableBytes {
  readonly outcome: FileOutcome
  /** All of it, when it is in memory. */
  readonly bytes?: Buffer | undefined
  /** Bytes; undefined while neither the listing nor a finished fill says. */
  readonly size: number | undefined
  /** Whether the digest is known to be right. Until then the end of the body must be held back. */
  readonly complete: boolean
  /** Resolves with the size once the digest is known to be right; throws when it will never be. */
  verified(): Promise<number>
  release(): void
}

/** What {@link Content} is built from. */
export interface ContentOptions {
  readonly blobs: BlobCache
  readonly fills: FillTable
  /** The sources of a mirror, those that it had included; undefined when none are known. */
  readonly upstreamOf: (mirror: string) => Pick<Upstream, 'get'> | undefined
}

/** From a file reply to its bytes: memory, then disk, then a fill. */
export class Content {
  readonly #options: ContentOptions

  constructor(options: ContentOptions) {
    this.#options = options
  }

  /** The body if it is warm: without an await. */
  peek(file: FileReply): Body | undefined {
    const blob = this.#options.blobs.peek(file.digest)
    return blob === undefined ? undefined : new CachedBody(blob)
  }

  /** The body if it is in the cache; never asks upstream. */
  async find(file: FileReply): Promise<Body | undefined> {
    const blob = await this.#options.blobs.open(file.digest, file.size)
    return blob === undefined ? undefined : new CachedBody(blob)
  }

  /** The body: from the cache, or from the one fill that everybody who asks for it now shares. */
  async open(file: FileReply): Promise<Body> {
    const cached = await this.find(file)
    if (cached !== undefined) return cached
    const { digest, size, snapshot } = file
    const expected = { digest, size }
    // Mirrors that list one package share its fill, and each is a source of its own.
    const { reader, outcome } = this.#options.fills.read(expected, this.#sourceOf(file), snapshot.mirror)
    return {
      outcome,
      size,
      complete: false,
      read: (target, position) => reader.read(target, position),
      verified: () => reader.verified(),
      release: () => reader.release(),
    }
  }

  #sourceOf(file: FileReply): FillSource {
    const { mirror } = file.snapshot
    return async (attempt, signal) => {
      const upstream = this.#options.upstreamOf(mirror)
      if (upstream === undefined)
        throw new PinyonError(
          'MIRROR_UNCONFIGURED',
          `${file.path} is not cached, and no source of its mirror is known any more: ${mirror}`,
        )
      // A second attempt begins with another base URL, where there is one.
      const reply = await upstream.get(file.path, { signal, firstBaseurl: attempt })
      return reply.body
    }
  }
}

/** A blob as a body. */
class CachedBody implements Body {
  readonly outcome = 'hit'
  readonly complete = true
  readonly #blob: SharedBlob

  constructor(blob: SharedBlob) {
    this.#blob = blob
  }

  get size(): number {
    return this.#blob.size
  }

  get bytes(): Buffer | undefined {
    return this.#blob.bytes
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#blob.read(target, position)
  }

  verified(): Promise<number> {
    return Promise.resolve(this.size)
  }

  release(): void {
    this.#blob.release()
  }
}
