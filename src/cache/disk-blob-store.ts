import { fstat, open as openFile } from 'node:fs'
import { mkdir, open, readdir, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import type { Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { makeDurableDirectory, removeFile } from '../system/publish.ts'
import type { Blob, BlobStore, BlobWriter, ExpectedBlob, PartialBlob } from './blob-store.ts'
import { DiskBlobWriter } from './disk-blob-writer.ts'
import { closeQuietly, isMissing, readAt } from './file-descriptor.ts'
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
    let descriptor: number
    try {
      descriptor = await openDescriptor(blobPath(this.#layout, digest), 'r')
    } catch (error) {
      if (isMissing(error)) return undefined
      throw new PinyonError('STORE_FAILED', `opening blob ${digest}: ${(error as Error).message}`, {
        cause: error,
      })
    }
    const { size } = await statDescriptor(descriptor)
    return {
      digest,
      size,
      read: (target, position) => readAt(descriptor, target, position),
      close: () => closeQuietly(descriptor),
    }
  }

  async create(expected: ExpectedBlob): Promise<BlobWriter> {
    this.#serial += 1
    const path = temporaryPath(this.#layout, this.#processes.processId, 'blob', this.#serial)
    const target = blobPath(this.#layout, expected.digest)
    await makeDurableDirectory(dirname(target))
    let handle: FileHandle
    try {
      handle = await open(path, 'wx+')
    } catch (error) {
      throw new PinyonError('STORE_FAILED', `creating ${path}: ${(error as Error).message}`, { cause: error })
    }
    return new DiskBlobWriter(handle, path, target, expected)
  }

  async openPartial(location: string): Promise<PartialBlob | undefined> {
    const name = location.slice(location.lastIndexOf('/') + 1)
    if (temporaryOwner(name) === undefined) return undefined
    try {
      const descriptor = await openDescriptor(join(this.#layout.temporary, name), 'r')
      return {
        written: async () => (await statDescriptor(descriptor)).size,
        read: (target, position) => readAt(descriptor, target, position),
        close: async () => closeQuietly(descriptor),
      }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async remove(digest: Digest): Promise<boolean> {
    try {
      await unlink(blobPath(this.#layout, digest))
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }
}
