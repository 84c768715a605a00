import { close, closeSync, fsync, writeSync } from 'node:fs'
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

/** So much of the first bytes is written at once: a client waits for them, and for the thread pool it would wait three times as long. In bytes. */
const FIRST_BYTES = 32 << 10

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
    const { digest, size } = this.#expected
    if (size !== undefined && this.#written + bytes.length > size)
      throw new PinyonError('UPSTREAM_OVERSIZE', `${digest} is longer than listed: ${size} bytes`, {
        expected: size,
      })
    const making = this.#options.reservation.ensure(this.#written + bytes.length)
    if (making !== undefined) await making
    try {
      const writing = this.#put(bytes)
      // Meanwhile: that is another thread's work.
      this.#hash.update(bytes)
      this.#hashed += bytes.length
      this.#written += await writing
      this.#options.reservation.note(this.#written)
    } catch (error) {
      throw new PinyonError('STORE_FAILED', `writing ${digest}: ${(error as Error).message}`, {
        cause: error,
      })
    }
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

  /** Writes bytes behind those that are written; gives how many they were. */
  async #put(bytes: Uint8Array): Promise<number> {
    if (this.#written > 0) return await writeAt(this.#descriptor, bytes, this.#written)
    const first = writeSync(this.#descriptor, bytes, 0, Math.min(bytes.length, FIRST_BYTES), 0)
    return first + (await writeAt(this.#descriptor, bytes.subarray(first), first))
  }
}
