import type { BlobCache } from '../cache/blob-cache.ts'
import type { ReadableBytes } from '../cache/blob-store.ts'
import type { FillTable } from '../cache/fill-table.ts'
import type { FillSource } from '../cache/fill.ts'
import { PinyonError } from '../model/errors.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { FileOutcome, FileReply } from './reply.ts'

/** An open body: of a blob that is there, or of one that is just coming. */
export interface Body extends ReadableBytes {
  readonly outcome: FileOutcome
  /** All of it, when it is in memory. */
  readonly bytes?: Buffer
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
  /** The sources of a mirror; undefined when it is not configured any more. */
  readonly upstreamOf: (mirror: string) => Upstream | undefined
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
    return blob === undefined ? undefined : toBody(blob)
  }

  /** The body: from the cache, or from the one fill that everybody who asks for it now shares. */
  async open(file: FileReply): Promise<Body> {
    const { digest, size } = file
    const blob = await this.#options.blobs.open(digest, size)
    if (blob !== undefined) return toBody(blob)
    const { reader, outcome } = this.#options.fills.read({ digest, size }, this.#sourceOf(file))
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
          `${file.path} is not cached, and its mirror is not configured any more: ${mirror}`,
        )
      // A second attempt begins with another source, where there is one.
      const reply = await upstream.get(file.path, { signal, firstBaseurl: attempt })
      return reply.body
    }
  }
}

function toBody(blob: NonNullable<ReturnType<BlobCache['peek']>>): Body {
  const { size, bytes } = blob
  return {
    outcome: 'hit',
    ...(bytes === undefined ? {} : { bytes }),
    size,
    complete: true,
    read: (target, position) => blob.read(target, position),
    verified: () => Promise.resolve(size),
    release: () => blob.release(),
  }
}
