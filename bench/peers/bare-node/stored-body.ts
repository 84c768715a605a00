import { createHash } from 'node:crypto'
import { createWriteStream, openSync, renameSync, rmSync, writeSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'

/** So much of the first piece is in the file before the client has any of it, where that is promised: in bytes. */
const FIRST_BYTES = 32 << 10

/** A body as a cache that promises digests has to have it: hashed as it comes, in a file, and that on the disk before it has its name. */
export class StoredBody {
  readonly #hash = createHash('sha256')
  readonly #dir: string
  readonly #path: string
  readonly #file: WriteStream
  /** What the first bytes are written to; undefined once they are, or where that is not promised. */
  #descriptor: number | undefined
  /** Of the first piece, in the file. */
  #begun = 0

  /**
   * @param name that no other body of this directory has before it is whole; then it is named after its digest
   * @param isPromised whether the first bytes are to be in the file before the client has any
   */
  constructor(dir: string, name: string, isPromised = false) {
    this.#dir = dir
    this.#path = join(dir, name)
    this.#descriptor = isPromised ? openSync(this.#path, 'wx') : undefined
    // Opened, where it is not yet, written and closed by other threads; without anybody who hears of an error, one ends the process.
    const opened = this.#descriptor === undefined ? { flags: 'wx' } : { fd: this.#descriptor }
    this.#file = createWriteStream(this.#path, { ...opened, flush: true })
  }

  /** Of the next bytes the client is about to be sent some. */
  begin(bytes: Buffer): void {
    if (this.#descriptor === undefined) return
    this.#begun = writeSync(this.#descriptor, bytes, 0, Math.min(bytes.length, FIRST_BYTES))
    this.#descriptor = undefined
  }

  /** The next bytes: by the time it returns they are hashed, and on their way to the file. */
  take(bytes: Buffer): void {
    this.#hash.update(bytes)
    this.#file.write(bytes.subarray(this.#begun))
    this.#begun = 0
  }

  /** That was all of it: by the time it returns the digest is known. */
  finish(): void {
    const digest = this.#hash.digest('hex')
    this.#file.end().once('close', () => renameSync(this.#path, join(this.#dir, digest)))
  }

  /** The rest will not come. */
  abandon(): void {
    // What is destroyed while it is written to gives an error.
    this.#file.end().once('close', () => rmSync(this.#path))
  }
}
