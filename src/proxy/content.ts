import type { BlobCache, SharedBlob } from '../cache/blob-cache.ts'
import type { FillTable } from '../cache/fill-table.ts'
import type { FillSource } from '../cache/source-race.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Body } from './body.ts'
import { BypassBody, BypassGate } from './bypass.ts'
import { GuardedPassage, guardBody } from './guarded-body.ts'
import type { PackageGate } from './package-gate.ts'
import type { FileReply } from './reply.ts'

/** What {@link Content} is built from. */
export interface ContentOptions {
  readonly blobs: BlobCache
  readonly fills: FillTable
  /** The sources of a mirror, those that it had included; undefined when none are known. */
  readonly upstreamOf: (mirror: string) => Pick<Upstream, 'get'> | undefined
  /** Told of every body that is passed through. */
  readonly onBypass?: () => void
  /** What packages of a mirror have to pass; undefined where signatures are not looked at. */
  readonly gateOf?: (mirror: string) => PackageGate | undefined
}

/** From a file reply to its bytes: memory, then disk, then a fill. */
export class Content {
  readonly #options: ContentOptions
  readonly #gate = new BypassGate()

  constructor(options: ContentOptions) {
    this.#options = options
  }

  /** The body if it is warm: without an await. */
  peek(file: FileReply): Body | undefined {
    if (this.#gateFor(file)?.hasPassed(file.digest) === false) return undefined
    const blob = this.#options.blobs.peek(file.digest)
    return blob === undefined ? undefined : new CachedBody(blob)
  }

  /**
   * The body if it is in the cache; never asks upstream for it.
   * @throws PinyonError SIGNATURE_REFUSED for a package that may not be given out
   */
  async find(file: FileReply): Promise<Body | undefined> {
    const blob = await this.#options.blobs.open(file.digest, file.size)
    if (blob === undefined) return undefined
    try {
      await this.#gateFor(file)?.check(file.digest, file.path, blob)
      return new CachedBody(blob)
    } catch (error) {
      blob.release()
      throw error
    }
  }

  /** The body: from the cache, or from the one fill that everybody who asks for it now shares. */
  async open(file: FileReply): Promise<Body> {
    const cached = await this.find(file)
    if (cached !== undefined) return cached
    const { digest, size, snapshot } = file
    const expected = { digest, size }
    // Mirrors that list one package share its fill, and each is a source of its own.
    const { reader, outcome } = this.#options.fills.read(expected, this.#sourceOf(file), snapshot.mirror)
    const body: Body = {
      outcome,
      size,
      complete: false,
      read: (target, position) => reader.read(target, position),
      verified: () => reader.verified(),
      release: () => reader.release(),
    }
    const gate = this.#gateFor(file)
    return gate === undefined ? body : guardBody(body, gate, file)
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
   * The body passed through from upstream without being stored: for a file that cannot be, by this error. Undefined when it is another
   * error, or its length is not listed, so that no header could be written.
   */
  passThrough(file: FileReply, error: unknown): Body | undefined {
    const { digest, size, snapshot } = file
    const { code } = toPinyonError(error)
    if ((code !== 'CACHE_FULL' && code !== 'NO_SPACE') || size === undefined) return undefined
    const source = this.#sourceOf(file)
    this.#options.onBypass?.()
    const body = new BypassBody({
      digest,
      size,
      open: (signal) => source(0, signal),
      enter: () => this.#gate.enter(snapshot.mirror),
    })
    const gate = this.#gateFor(file)
    return gate === undefined ? body : new GuardedPassage(body, gate, file)
  }

  #gateFor({ fileKind, snapshot }: FileReply): PackageGate | undefined {
    return fileKind === 'package' ? this.#options.gateOf?.(snapshot.mirror) : undefined
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
      const reply = await upstream.get(file.path, {
        signal,
        firstBaseurl: attempt,
        isAwaited: true,
        ...(file.size === undefined ? {} : { size: file.size }),
      })
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
