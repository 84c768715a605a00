import type { BlobCache, SharedBlob } from '../cache/blob-cache.ts'
import { isUnreadable } from '../cache/file-descriptor.ts'
import type { FillTable } from '../cache/fill-table.ts'
import type { FillSource } from '../cache/source-race.ts'
import type { Digest } from '../model/digest.ts'
import { PinyonError, toPinyonError, type ErrorCode } from '../model/errors.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Body } from './body.ts'
import { BypassBody, BypassGate } from './bypass.ts'
import type { FileReply } from './reply.ts'

/** What {@link Content} is built from. */
export interface ContentOptions {
  readonly blobs: BlobCache
  readonly fills: FillTable
  /** The sources of a mirror, those that it had included; undefined when none are known. */
  readonly upstreamOf: (mirror: string) => Pick<Upstream, 'get'> | undefined
  /** Told of every body that is passed through. */
  readonly onBypass?: () => void
  /** Puts a stored file aside that cannot be read. */
  readonly putAside?: (digest: Digest, error: unknown) => Promise<void>
}

/** With which a file can still be had, if not kept. */
const STORE_TROUBLE: readonly ErrorCode[] = [
  'CACHE_FULL',
  'NO_SPACE',
  'NO_DESCRIPTORS',
  'STORE_FAILED',
  'BLOB_UNREADABLE',
]

/** From a file reply to its bytes: memory, then disk, then a fill. */
export class Content {
  readonly #options: ContentOptions
  readonly #gate = new BypassGate()

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
    try {
      const blob = await this.#options.blobs.open(file.digest, file.size)
      return blob === undefined ? undefined : new CachedBody(blob)
    } catch (error) {
      if (!(await this.dropUnreadable(file, error))) throw error
      return undefined
    }
  }

  /**
   * Puts a stored file aside when this error says that it cannot be read, so that it is fetched again; a disk that does not let it go either
   * keeps it.
   * @returns whether the error says so
   */
  async dropUnreadable({ digest }: FileReply, error: unknown): Promise<boolean> {
    if (!isUnreadable(error)) return false
    this.#options.blobs.forget(digest)
    await this.#options.putAside?.(digest, error)
    return true
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

  /** Has a file stored that is not, for nobody in particular; throws what keeps it from being. */
  async store(file: FileReply): Promise<void> {
    const body = await this.open(file)
    try {
      await body.verified()
    } finally {
      body.release()
    }
    await this.#options.fills.ended(file)
    // Its bytes came, and may not have stayed: a full disk.
    const stored = await this.find(file)
    if (stored === undefined) throw new PinyonError('STORE_FAILED', `fetched, and not stored: ${file.path}`)
    stored.release()
  }

  /**
   * The body passed through from upstream without being stored: for a file that cannot be, or not be read, by this error of our own disk.
   * Undefined when it is another error, or its length is not listed, so that no header could be written.
   */
  passThrough(file: FileReply, error: unknown): Body | undefined {
    const { digest, size, snapshot } = file
    const { code } = toPinyonError(error)
    if (!STORE_TROUBLE.includes(code) || size === undefined) return undefined
    const source = this.#sourceOf(file)
    this.#options.onBypass?.()
    return new BypassBody({
      digest,
      size,
      open: (signal) => source(0, signal),
      enter: () => this.#gate.enter(snapshot.mirror),
    })
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
