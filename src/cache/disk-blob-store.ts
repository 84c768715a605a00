import { existsSync, fstat, mkdirSync, open as openFile, rmSync, statSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'

import type { Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { makeDurableDirectory, moveFile, removeFile, syncDirectory } from '../system/publish.ts'
import { NO_LEDGER, type BlobLedger } from './blob-ledger.ts'
import type { Blob, BlobStore, BlobWriter, ExpectedBlob, PartialBlob } from './blob-store.ts'
import { DiskBlobWriter } from './disk-blob-writer.ts'
import { createCloser, isMissing, readAt } from './file-descriptor.ts'
import { createUnlimitedQuota, type Quota } from './quota.ts'
import { blobPath, quarantinePath, temporaryOwner, temporaryPath, type Layout } from './layout.ts'

const openDescriptor = promisify(openFile) as (path: string, flags: string) => Promise<number>
const statDescriptor = promisify(fstat)

/** Turns of the event loop until a request is sent: over a connection that was idle undici sends it in the second one. */
const ASKING_TURNS = 2

/** Which processes live: what a sweep of temporary files needs to know. See {@link Claims}. */
export interface LivingProcesses {
  readonly processId: string
  isAlive(processId: string): boolean
}

/** What a {@link DiskBlobStore} takes part in. */
export interface DiskBlobStoreOptions {
  /** None is kept unless told. */
  readonly ledger?: BlobLedger
  /** No limit unless told. */
  readonly quota?: Quota
  /** The number of its first temporary file, where there are other stores in the process; 1 unless told. */
  readonly firstSerial?: number
  /** Told of a directory that somebody has removed, once it is made again: what was in it is gone. */
  readonly onVanished?: (directory: string) => void
}

/** Blobs as files of the local disk. */
export class DiskBlobStore implements BlobStore {
  readonly #layout: Layout
  readonly #processes: LivingProcesses
  readonly #ledger: BlobLedger
  readonly #quota: Quota
  readonly #onVanished: (directory: string) => void
  #serial: number
  /** Directories of blobs whose own names this process has made durable, or is about to. */
  readonly #durable = new Map<string, Promise<void>>()

  /** Expects the directories to be there: use {@link DiskBlobStore.open} unless another store of this process made them. */
  constructor(layout: Layout, processes: LivingProcesses, options: DiskBlobStoreOptions = {}) {
    this.#layout = layout
    this.#processes = processes
    this.#ledger = options.ledger ?? NO_LEDGER
    this.#quota = options.quota ?? createUnlimitedQuota()
    this.#onVanished = options.onVanished ?? (() => undefined)
    this.#serial = (options.firstSerial ?? 1) - 1
  }

  /** Makes the directories where they are missing and removes what dead processes left half-written. */
  static async open(
    layout: Layout,
    processes: LivingProcesses,
    options: DiskBlobStoreOptions = {},
  ): Promise<DiskBlobStore> {
    await makeDurableDirectory(layout.blobs)
    await mkdir(layout.temporary, { recursive: true })
    for (const name of await readdir(layout.temporary)) {
      const owner = temporaryOwner(name)
      if (owner === undefined || !processes.isAlive(owner)) await removeFile(join(layout.temporary, name))
    }
    return new DiskBlobStore(layout, processes, options)
  }

  async open(digest: Digest): Promise<Blob | undefined> {
    // Most of what is looked for here is not there yet: another thread would take fifty times as long to say so.
    if (this.lacks(digest)) return undefined
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

  /** What was looked up just before costs a few microseconds: the kernel remembers that it is not there. */
  lacks(digest: Digest): boolean {
    const path = blobPath(this.#layout, digest)
    try {
      // What is no directory, where there should be one, is trouble.
      for (let at = path; at.startsWith(this.#layout.blobs); at = dirname(at)) {
        const found = statSync(at, { throwIfNoEntry: false })
        if (found !== undefined) return at !== path && found.isDirectory()
      }
      return true
    } catch {
      return false
    }
  }

  nextLocation(): string {
    this.#serial += 1
    return temporaryPath(this.#layout, this.#processes.processId, 'blob', this.#serial)
  }

  async create(
    expected: ExpectedBlob,
    onRoom?: () => void,
    path: string = this.nextLocation(),
  ): Promise<BlobWriter> {
    const target = blobPath(this.#layout, expected.digest)
    // To see that there is costs a client a tenth of a millisecond, which upstream may have for its answer.
    if (this.#quota.seemsToFit(expected.size)) onRoom?.()
    const reservation = await this.#quota.reserve(expected.size, { essential: expected.essential === true })
    try {
      onRoom?.()
      // Who was told asks for the bytes before anything is handed to another thread.
      for (let turns = 0; onRoom !== undefined && turns < ASKING_TURNS; turns += 1) await nextTurn()
      const creating = this.#createFile(path)
      return new DiskBlobWriter(await creating, {
        path,
        target,
        makeDirectory: () => this.#makeDirectory(dirname(target), expected.digest),
        expected,
        reservation,
        ledger: this.#ledger,
      })
    } catch (error) {
      reservation.release()
      throw storeFailed(`creating ${path}`, error)
    }
  }

  async keep(digest: Digest): Promise<number | undefined> {
    const path = blobPath(this.#layout, digest)
    const size = await this.#ledger.keep(digest, () => statSync(path, { throwIfNoEntry: false })?.size)
    if (size === undefined) return undefined
    // Who stored it may be about to make its name durable, or was killed before that; whoever relies on it now may tell of it first.
    try {
      await this.#makeDirectory(dirname(path), digest)
      await syncDirectory(dirname(path))
    } catch (error) {
      throw storeFailed(`keeping blob ${digest}`, error)
    }
    return size
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
    return await this.#drop(digest, (path) => rmSync(path, { force: true }))
  }

  /**
   * Takes a blob that is wrong out of the store and keeps its bytes, for people to look at. Readers that have it open read on.
   * @returns where it is now, or undefined when there was none
   */
  async quarantine(digest: Digest): Promise<string | undefined> {
    const target = quarantinePath(this.#layout, digest)
    mkdirSync(this.#layout.quarantine, { recursive: true })
    return (await this.#drop(digest, (path) => existsSync(path) && moveFile(path, target)))
      ? target
      : undefined
  }

  /** Opens a new temporary file; in a directory made again where somebody has removed it. */
  async #createFile(path: string): Promise<number> {
    try {
      return await openDescriptor(path, 'wx+')
    } catch (error) {
      // Where this process's sign of life is gone as well, so is the data directory, or its disk: that is not begun anew.
      if (!isMissing(error) || !existsSync(this.#layout.claims)) throw error
      const { blobs, temporary } = this.#layout
      const made = await mkdir(temporary, { recursive: true })
      await syncDirectory(blobs)
      await syncDirectory(dirname(blobs))
      if (made !== undefined) this.#noteVanished(made)
      return await openDescriptor(path, 'wx+')
    }
  }

  /**
   * Makes a directory of blobs with a durable name. For the first time in this process also when it is there: somebody else may be about to do that,
   * or was killed before it.
   * @param digest of a blob that goes there
   */
  async #makeDirectory(directory: string, digest: Digest): Promise<void> {
    const known = this.#durable.get(directory)
    if (known !== undefined && existsSync(directory)) return await known
    const made = await mkdir(directory, { recursive: true })
    const isNews = known !== undefined || this.#ledger.find(digest) !== undefined
    if (made !== undefined && isNews) this.#noteVanished(made)
    const syncing = this.#durable.get(directory) ?? this.#syncNames(directory)
    this.#durable.set(directory, syncing)
    await syncing
  }

  /** What was below it has to be made, and made durable, again as well. */
  #noteVanished(made: string): void {
    for (const known of this.#durable.keys())
      if (`${known}/`.startsWith(`${made}/`)) this.#durable.delete(known)
    this.#onVanished(made)
  }

  async #syncNames(directory: string): Promise<void> {
    try {
      // Of the directory, and of that of its algorithm.
      await syncDirectory(dirname(directory))
      await syncDirectory(this.#layout.blobs)
    } catch (error) {
      this.#durable.delete(directory)
      throw error
    }
  }

  async #drop(digest: Digest, take: (path: string) => void): Promise<boolean> {
    const path = blobPath(this.#layout, digest)
    try {
      return await this.#ledger.drop(digest, () => {
        const isThere = existsSync(path)
        take(path)
        return isThere
      })
    } catch (error) {
      throw storeFailed(`removing blob ${digest}`, error)
    }
  }
}

function storeFailed(doing: string, error: unknown): PinyonError {
  return new PinyonError('STORE_FAILED', `${doing}: ${(error as Error).message}`, { cause: error })
}
