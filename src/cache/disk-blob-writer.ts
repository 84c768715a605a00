import { close, closeSync, fsync, writevSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

import { digestAlgorithm, finishDigest, startDigest, type Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { moveFile, removeFile, syncDirectory } from '../system/publish.ts'
import type { BlobLedger } from './blob-ledger.ts'
import type { BlobWriter, ExpectedBlob } from './blob-store.ts'
import { readAt, writeAt } from './file-descriptor.ts'
import type { Reservation } from './quota.ts'

const closeDescriptor = promisify(close)
const syncDescriptor = promisify(fsync)

/**
 * So much of the first bytes is written at once: a client waits for them, and for the thread pool it would wait three times as long. And the last ones
 * if they are no more: to have it write them costs more than they do. In bytes.
 */
const FEW_BYTES = 32 << 10
/**
 * What is appended is written together: so many bytes, so many pieces, or what comes in so many milliseconds. To write is another thread's work, and
 * where it takes the processor from the one that serves a client waits for it; most packages have come by then.
 */
const TOGETHER_BYTES = 1 << 20
const TOGETHER_PIECES = 64
const TOGETHER_MS = 10

/** Where a {@link DiskBlobWriter} writes and what it is held against. */
export interface DiskBlobWriterOptions {
  /** Of the temporary file. */
  readonly path: string
  /** Its final name. */
  readonly target: string
  /** Makes the directory of that, and its name durable. */
  readonly makeDirectory: () => Promise<void>
  readonly expected: ExpectedBlob
  /** Given back when writing ends: when the bytes are entered as a blob, or gone. */
  readonly reservation: Reservation
  readonly ledger: BlobLedger
}

/** A temporary file that is hashed while it grows and becomes a blob by rename. */
export class DiskBlobWriter implements BlobWriter {
  readonly location: string
  /** -1 once it is closed: the number may be another file's by then. */
  #descriptor: number
  readonly #options: DiskBlobWriterOptions
  readonly #expected: ExpectedBlob
  readonly #hash: ReturnType<typeof startDigest>
  #written = 0
  #hashed = 0
  /** What is to be written, and what writes it then. */
  #appended: Uint8Array[] = []
  #appendedBytes = 0
  #timer: NodeJS.Timeout | undefined
  #writing = Promise.resolve()
  #failure: PinyonError | undefined
  #found: Digest | undefined
  #state: 'writing' | 'verified' | 'published' | 'discarded' = 'writing'

  /** @param descriptor of a new, empty file open for reading and writing */
  constructor(descriptor: number, options: DiskBlobWriterOptions) {
    this.#descriptor = descriptor
    this.location = options.path
    this.#options = options
    this.#expected = options.expected
    this.#hash = startDigest(digestAlgorithm(options.expected.digest))
  }

  get written(): number {
    return this.#written
  }

  async write(bytes: Uint8Array): Promise<void> {
    const making = this.#reserve(bytes)
    if (making !== undefined) await making
    this.#keep(bytes)
    const writing = this.#flush()
    // Meanwhile: that is another thread's work.
    this.#hash.update(bytes)
    await writing
  }

  async append(bytes: Uint8Array): Promise<void> {
    const making = this.#reserve(bytes)
    if (making !== undefined) await making
    this.#keep(bytes)
    this.#hash.update(bytes)
    if (this.#appendedBytes >= TOGETHER_BYTES || this.#appended.length >= TOGETHER_PIECES) {
      // No more waits for a slow disk than is written at once.
      await this.#writing
      void this.#flush()
    } else this.#timer ??= setTimeout(() => void this.#flush(), TOGETHER_MS)
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return readAt(this.#descriptor, target, position)
  }

  verify(): void {
    const { digest, size } = this.#expected
    if (size !== undefined && this.#hashed < size)
      throw new PinyonError('UPSTREAM_SHORT', `${digest} ended early: ${this.#hashed} of ${size} bytes`, {
        expected: size,
        found: this.#hashed,
      })
    this.#found ??= finishDigest(digestAlgorithm(digest), this.#hash)
    if (this.#found !== digest)
      throw new PinyonError('DIGEST_MISMATCH', `expected ${digest}, found ${this.#found}`, {
        expected: digest,
        found: this.#found,
      })
    this.#state = 'verified'
  }

  async publish(): Promise<void> {
    if (this.#state !== 'verified') this.verify()
    const { target, makeDirectory, ledger, reservation } = this.#options
    const { digest } = this.#expected
    await this.#flush(FEW_BYTES)
    try {
      // Only now, when nobody waits for the bytes any more; both are over before either's failure is told.
      const synced = await Promise.allSettled([syncDescriptor(this.#descriptor), makeDirectory()])
      for (const one of synced) if (one.status === 'rejected') throw one.reason as Error
      await ledger.add(digest, this.#written, () => {
        moveFile(this.location, target)
        // They are entered as stored now, and would else be counted twice.
        reservation.release()
      })
      await syncDirectory(dirname(target))
    } catch (error) {
      const message = `publishing ${digest}: ${(error as Error).message}`
      throw new PinyonError('STORE_FAILED', message, { cause: error })
    }
    this.#state = 'published'
  }

  async discard(): Promise<void> {
    if (this.#state === 'published' || this.#state === 'discarded') return
    // A file is not closed under a write, nor what it takes counted once it is gone.
    this.#take()
    await this.#writing.catch(() => undefined)
    try {
      await removeFile(this.location)
    } finally {
      // What a failing disk keeps is not counted for ever.
      this.#options.reservation.release()
    }
    this.#state = 'discarded'
  }

  async close(): Promise<void> {
    try {
      await this.discard()
    } finally {
      await this.#closeFile()
    }
  }

  async #closeFile(): Promise<void> {
    const descriptor = this.#descriptor
    this.#descriptor = -1
    if (descriptor < 0) return
    // What is on the disk whole is closed at once; what is gone may be much to be freed.
    if (this.#state === 'published') closeSync(descriptor)
    else await closeDescriptor(descriptor)
  }

  /** Sees to it that these bytes may come. Undefined where they may at once. */
  #reserve(bytes: Uint8Array): Promise<void> | undefined {
    const { digest, size } = this.#expected
    const end = this.#hashed + bytes.length
    if (this.#failure !== undefined) throw this.#failure
    if (size !== undefined && end > size)
      throw new PinyonError('UPSTREAM_OVERSIZE', `${digest} is longer than listed: ${size} bytes`, {
        expected: size,
      })
    return this.#options.reservation.ensure(end)
  }

  #keep(bytes: Uint8Array): void {
    this.#hashed += bytes.length
    this.#appended.push(bytes)
    this.#appendedBytes += bytes.length
  }

  #take(): Uint8Array[] {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const pieces = this.#appended
    this.#appended = []
    this.#appendedBytes = 0
    return pieces
  }

  /**
   * Writes what was appended, once what was before it is written: the very first of it at once.
   * @param few no more than so many bytes are not left to another thread
   */
  #flush(few = 0): Promise<void> {
    const isFirst = this.#appendedBytes === this.#hashed
    const atOnce = isFirst ? FEW_BYTES : this.#appendedBytes <= few ? few : 0
    const pieces = this.#take()
    const writing = isFirst ? this.#put(pieces, atOnce) : this.#writing.then(() => this.#put(pieces, atOnce))
    writing.catch(() => undefined)
    this.#writing = writing
    return writing
  }

  /** @param atOnce so many bytes are not left to another thread */
  async #put(pieces: readonly Uint8Array[], atOnce: number): Promise<void> {
    try {
      const first = atOnce === 0 ? [] : firstBytes(pieces, atOnce)
      const done = first.length === 0 ? 0 : writevSync(this.#descriptor, first, this.#written)
      await writeAt(this.#descriptor, pieces, this.#written, done)
      this.#written += pieces.reduce((sum, { length }) => sum + length, 0)
      this.#options.reservation.note(this.#written)
    } catch (error) {
      this.#failure = new PinyonError(
        'STORE_FAILED',
        `writing ${this.#expected.digest}: ${(error as Error).message}`,
        { cause: error },
      )
      throw this.#failure
    }
  }
}

/** What of some pieces is no more than so many bytes. */
function firstBytes(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes
  return pieces.flatMap((piece) => {
    const some = piece.subarray(0, left)
    left -= some.length
    return some.length === 0 ? [] : [some]
  })
}
