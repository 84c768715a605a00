import type { BlobCache } from '../cache/blob-cache.ts'
import { ChunkPool } from '../cache/chunk-pool.ts'
import { isUnreadable } from '../cache/file-descriptor.ts'
import type { SharedBlob } from '../cache/shared-blob.ts'
import type { Digest } from '../model/digest.ts'
import { toPinyonError, type ErrorCode, type PinyonError } from '../model/errors.ts'
import type { PackageFetches, WantedFile } from '../snapshot/prefetch/package-fetches.ts'
import { Turns } from '../system/turns.ts'
import type { Body } from './body.ts'
import { BypassBody, BypassGate } from './bypass.ts'
import { GuardedPassage, guardBody } from './guarded-body.ts'
import type { PackageGate } from './package-gate.ts'
import type { FileReply } from './reply.ts'

/** What {@link Content} is built from. */
export interface ContentOptions {
  readonly blobs: BlobCache
  readonly fetches: Pick<PackageFetches, 'open' | 'stream' | 'refusal'>
  /** Told of every body that is passed through. */
  readonly onBypass?: () => void
  /** What packages of a mirror have to pass; undefined where signatures are not looked at. */
  readonly gateOf?: (mirror: string) => PackageGate | undefined
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
  /** What bodies are read into on their way. */
  readonly chunks = new ChunkPool()
  /** What answers that are much work take, so that the others' are not held up. */
  readonly turns = new Turns()
  readonly #options: ContentOptions
  readonly #gate = new BypassGate()

  constructor(options: ContentOptions) {
    this.#options = options
  }

  /** Whether a package may be given out: those of mirrors whose signatures are looked at only when theirs was found right. */
  standing(file: FileReply): 'free' | 'passed' | 'unchecked' {
    const gate = this.#gateFor(file)
    if (gate === undefined) return 'free'
    return gate.hasPassed(file.digest) ? 'passed' : 'unchecked'
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
    const blob = await this.#openStored(file)
    if (blob === undefined) return undefined
    try {
      await this.#gateFor(file)?.check(file.digest, file.path, blob)
      return new CachedBody(blob)
    } catch (error) {
      blob.release()
      if (await this.dropUnreadable(file, error)) return undefined
      throw error
    }
  }

  async #openStored(file: FileReply): Promise<SharedBlob | undefined> {
    try {
      return await this.#options.blobs.open(file.digest, file.size)
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
    const reader = await this.#options.fetches.open(toWanted(file), { isUrgent: true })
    const body: Body = {
      outcome: reader.outcome,
      size: file.size,
      complete: false,
      bytesPerSecond: () => reader.bytesPerSecond(),
      progress: () => reader.progress(),
      read: (target, position) => reader.read(target, position),
      lend: (position, count) => reader.lend(position, count),
      verified: () => reader.verified(),
      release: () => reader.release(),
    }
    const gate = this.#gateFor(file)
    return gate === undefined ? body : guardBody(body, gate, file)
  }

  /** What {@link open} would refuse a file with, as far as that can be told without asking anybody. */
  async refusal(file: FileReply): Promise<PinyonError | undefined> {
    const gate = this.#gateFor(file)
    const blob = gate?.hasPassed(file.digest) === false ? await this.#openStored(file) : undefined
    if (gate === undefined || blob === undefined) return await this.knownRefusal(file)
    try {
      return await gate.look(file.digest, file.path, blob)
    } catch (error) {
      if (!isUnreadable(error)) throw error
      return undefined
    } finally {
      blob.release()
    }
  }

  /** As {@link refusal}, without a look at what is stored. */
  async knownRefusal(file: FileReply): Promise<PinyonError | undefined> {
    const known = this.#gateFor(file)?.refusal(file.digest, file.path)
    return known ?? (await this.#options.fetches.refusal(toWanted(file)))
  }

  /** Has a file stored that is not, for nobody in particular; throws what keeps it from being. */
  async store(file: FileReply): Promise<void> {
    const cached = await this.find(file)
    if (cached !== undefined) return cached.release()
    const reader = await this.#options.fetches.open(toWanted(file), { isUrgent: true, isForced: true })
    try {
      await reader.stored()
    } finally {
      reader.release()
    }
  }

  /**
   * The body passed through from upstream without being stored: for a file that cannot be, or not be read, by this error of our own disk.
   * Undefined when it is another error, or its length is not listed, so that no header could be written.
   */
  passThrough(file: FileReply, error: unknown): Body | undefined {
    const { digest, size, snapshot } = file
    const { code } = toPinyonError(error)
    if (!STORE_TROUBLE.includes(code) || size === undefined) return undefined
    this.#options.onBypass?.()
    const body = new BypassBody({
      digest,
      size,
      open: (signal) => this.#options.fetches.stream(toWanted(file), signal),
      enter: () => this.#gate.enter(snapshot.mirror),
    })
    const gate = this.#gateFor(file)
    return gate === undefined ? body : new GuardedPassage(body, gate, file)
  }

  #gateFor({ fileKind, snapshot }: FileReply): PackageGate | undefined {
    return fileKind === 'package' ? this.#options.gateOf?.(snapshot.mirror) : undefined
  }
}

function toWanted({ digest, size, path, snapshot, packageName }: FileReply): WantedFile {
  return { digest, size, path, snapshot, isPackage: packageName !== undefined }
}

/** A blob as a body. */
export class CachedBody implements Body {
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
