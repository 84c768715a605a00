import { readdirSync, rmSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

import { DIGEST_ALGORITHMS, createDigest, type Digest } from '../model/digest.ts'
import { moveFile } from '../system/publish.ts'
import { isMissing } from './file-descriptor.ts'
import { blobPath, temporaryPath, type Layout } from './layout.ts'

/** Deleting a file of no more bytes takes no longer than moving it away. */
const SMALL_BYTES = 1 << 20

/** A directory of blobs: all those whose digest begins with this, as `sha256:4f`. */
export interface InventoryPart {
  readonly prefix: string
  readonly digests: readonly Digest[]
}

/** The files of a blob store as a collection sees them. It blocks its thread: not for one that serves. */
export class DiskInventory {
  readonly #layout: Layout
  readonly #processId: string
  #serial: number

  /** @param firstSerial tells this inventory's temporary files from those of others of the process */
  constructor(layout: Layout, processId: string, firstSerial = 0) {
    this.#layout = layout
    this.#processId = processId
    this.#serial = firstSerial
  }

  /** What is on the disk, a directory at a time. Files that are no blobs are left alone. */
  *parts(): Generator<InventoryPart> {
    for (const algorithm of DIGEST_ALGORITHMS) {
      for (const start of namesIn(join(this.#layout.blobs, algorithm))) {
        const rests = namesIn(join(this.#layout.blobs, algorithm, start))
        const names = rests.map((rest) => start + rest)
        const digests = names.map((name) => createDigest(algorithm, name))
        const own = digests.filter((digest, at) => digest === `${algorithm}:${names[at]}`)
        yield { prefix: `${algorithm}:${start}`, digests: own as Digest[] }
      }
    }
  }

  /** Removes what earlier collections of this process took away, and were killed before its space was free. */
  dropTrash(): void {
    const own = temporaryPath(this.#layout, this.#processId, 'trash', 0).slice(0, -1)
    for (const name of namesIn(this.#layout.temporary)) {
      const path = join(this.#layout.temporary, name)
      if (path.startsWith(own)) rmSync(path, { force: true })
    }
  }

  /** Bytes of a blob; undefined when there is none. */
  sizeOf(digest: Digest): number | undefined {
    return statSync(blobPath(this.#layout, digest), { throwIfNoEntry: false })?.size
  }

  /** Bytes of a blob, and when its file was read (as far as that is noted) or written last, in milliseconds; undefined when there is none. */
  describe(digest: Digest): { readonly size: number; readonly usedAtMs: number } | undefined {
    const found = statSync(blobPath(this.#layout, digest), { throwIfNoEntry: false })
    if (found === undefined || !found.isFile()) return undefined
    return { size: found.size, usedAtMs: Math.floor(Math.max(found.atimeMs, found.mtimeMs)) }
  }

  /**
   * Takes a blob's name away at once; who reads it reads on. The space of a large one is freed by the function given back, which takes as
   * long as the file system likes.
   * @param size in bytes, as it is entered
   */
  takeAway(digest: Digest, size: number): () => void {
    const path = blobPath(this.#layout, digest)
    if (size <= SMALL_BYTES) {
      ignoreMissing(() => unlinkSync(path))
      return () => undefined
    }
    this.#serial += 1
    const trash = temporaryPath(this.#layout, this.#processId, 'trash', this.#serial)
    try {
      moveFile(path, trash)
    } catch (error) {
      if (!isMissing(error)) throw error
      // It is not there, or there is nowhere to move it to.
      ignoreMissing(() => unlinkSync(path))
    }
    return () => ignoreMissing(() => unlinkSync(trash))
  }
}

function ignoreMissing(action: () => void): void {
  try {
    action()
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}
