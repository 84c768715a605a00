import type { FileHandle } from 'node:fs/promises'

import { digestAlgorithm, finishDigest, startDigest, type Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { publishFile, removeFile } from '../system/publish.ts'
import type { BlobWriter, ExpectedBlob } from './blob-store.ts'
import { readAt } from './file-descriptor.ts'

/** A temporary file that is hashed while it grows and becomes a blob by rename. */
export class DiskBlobWriter implements BlobWriter {
  readonly location: string
  readonly #handle: FileHandle
  readonly #target: string
  readonly #expected: ExpectedBlob
  readonly #hash: ReturnType<typeof startDigest>
  #written = 0
  #found: Digest | undefined
  #state: 'writing' | 'verified' | 'published' | 'discarded' = 'writing'

  /** @param handle a new, empty file open for reading and writing at `path`; `target` is its final name */
  constructor(handle: FileHandle, path: string, target: string, expected: ExpectedBlob) {
    this.#handle = handle
    this.location = path
    this.#target = target
    this.#expected = expected
    this.#hash = startDigest(digestAlgorithm(expected.digest))
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
    this.#hash.update(bytes)
    for (let offset = 0; offset < bytes.length;) {
      try {
        const { bytesWritten } = await this.#handle.write(bytes, offset, bytes.length - offset, this.#written)
        offset += bytesWritten
        this.#written += bytesWritten
      } catch (error) {
        throw new PinyonError('STORE_FAILED', `writing ${digest}: ${(error as Error).message}`, {
          cause: error,
        })
      }
    }
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return readAt(this.#handle.fd, target, position)
  }

  verify(): void {
    const { digest, size } = this.#expected
    if (size !== undefined && this.#written < size)
      throw new PinyonError('UPSTREAM_SHORT', `${digest} ended early: ${this.#written} of ${size} bytes`, {
        expected: size,
        found: this.#written,
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
    try {
      await this.#handle.sync()
      await publishFile(this.location, this.#target)
    } catch (error) {
      const message = `publishing ${this.#expected.digest}: ${(error as Error).message}`
      throw new PinyonError('STORE_FAILED', message, { cause: error })
    }
    this.#state = 'published'
  }

  async discard(): Promise<void> {
    if (this.#state === 'published' || this.#state === 'discarded') return
    await removeFile(this.location)
    this.#state = 'discarded'
  }

  async close(): Promise<void> {
    try {
      await this.discard()
    } finally {
      await this.#handle.close()
    }
  }
}
