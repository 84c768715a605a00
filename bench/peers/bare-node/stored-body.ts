import { createHash } from 'node:crypto'
import { createWriteStream, renameSync, rmSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'

/** A body as a cache that promises digests has to have it: hashed as it comes, in a file, and that on the disk before it has its name. */
export class StoredBody {
  readonly #hash = createHash('sha256')
  readonly #dir: string
  readonly #path: string
  readonly #file: WriteStream

  /** @param name that no other body of this directory has before it is whole; then it is named after its digest */
  constructor(dir: string, name: string) {
    this.#dir = dir
    this.#path = join(dir, name)
    // Opened, written and closed by other threads; without anybody who hears of an error, one ends the process.
    this.#file = createWriteStream(this.#path, { flags: 'wx', flush: true })
  }

  /** The next bytes: by the time it returns they are hashed, and on their way to the file. */
  take(bytes: Buffer): void {
    this.#hash.update(bytes)
    this.#file.write(bytes)
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
