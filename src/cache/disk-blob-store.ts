import { fstat, open as openFile } from 'node:fs'
import { mkdir, open, readdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import type { Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { makeDurableDirectory, removeFile } from '../system/publish.ts'
import type { Blob, BlobStore, BlobWriter, ExpectedBlob, PartialBlob } from './blob-store.ts'
import { DiskBlobWriter } from './disk-blob-writer.ts'
import { createCloser, isMissing, readAt } from './file-descriptor.ts'
import { blobPath, temporaryOwner, temporaryPath, type Layout } from './layout.ts'

const openDescriptor = promisify(openFile) as (path: string, flags: string) => Promise<number>
const statDescriptor = promisify(fstat)

/** Which processes live: what a sweep of temporary files needs to know. See {@link Claims}. */
export interface LivingProcesses {
  readonly processId: string
  isAlive(processId: string): boolean
}

/** Blobs as files of the local disk. */
export class DiskBlobStore implements BlobStore {
  readonly #layout: Layout
  readonly #processes: LivingProcesses
  #serial = 0

  /** Expects the directories to be there: use {@link DiskBlobStore.open} unless another store of this process made them. */
  constructor(layout: Layout, processes: LivingProcesses) {
    this.#layout = layout
    this.#processes = processes
  }

  /** Makes the directories where they are missing and removes what dead processes left half-written. */
  static async open(layout: Layout, processes: LivingProcesses): Promise<DiskBlobStore> {
    await mkdir(layout.temporary, { recursive: true })
    for (const name of await readdir(layout.temporary)) {
      const owner = temporaryOwner(name)
      if (owner === undefined || !processes.isAlive(owner)) await removeFile(join(layout.temporary, name))
    }
    return new DiskBlobStore(layout, processes)
  }

  async open(digest: Digest): Promise<Blob | undefined> {
    try {
      const descriptor = await openDescriptor(blobPath(this.#layout, digest), 'r')
      const close = createCloser(descriptor)
      const { size } = await statDescriptor(descriptor).catch((error: unknown) => {
        close()
        throw error
      })
      return { digest, size, read: (target, position) => readAt(descriptor, target, position), close }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw storeFailed(`opening blob ${digest}`, error)
    }
  }

  async create(expected: ExpectedBlob): Promise<BlobWriter> {
    this.#serial += 1
    const path = temporaryPath(this.#layout, this.#processes.processId, 'blob', this.#serial)
    const target = blobPath(this.#layout, expected.digest)
    try {
      await makeDurableDirectory(dirname(target))
      return new DiskBlobWriter(await open(path, 'wx+'), path, target, expected)
    } catch (error) {
      throw storeFailed(`creating ${path}`, error)
    }
  }

  async openPartial(location: string): Promise<PartialBlob | undefined> {
    const name = location.slice(location.lastIndexOf('/') + 1)
    if (temporaryOwner(name) === undefined) return undefined
    try {
      const descriptor = await openDescriptor(join(this.#layout.temporary, name), 'r')
      const close = createCloser(descriptor)
      return {
        written: async () => (await statDescriptor(descriptor)).size,
        read: (target, position) => readAt(descriptor, target, position),
        close: async () => close(),
      }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw storeFailed(`opening ${name}`, error)
    }
  }

  async remove(digest: Digest): Promise<boolean> {
    try {
      await unlink(blobPath(this.#layout, digest))
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw storeFailed(`removing blob ${digest}`, error)
    }
  }
}

function storeFailed(doing: string, error: unknown): PinyonError {
  return new PinyonError('STORE_FAILED', `${doing}: ${(error as Error).message}`, { cause: error })
}
