import { join } from 'node:path'

import pLimit from 'p-limit'

import type { BlobStore } from '../../cache/blob-store.ts'
import { PinyonError, toPinyonError, type ErrorCode } from '../../model/errors.ts'
import { climbOf } from '../../model/href.ts'
import { readTreeFile, type Tree, type TreeFile } from './adopt-tree.ts'
import type { ListedPackage, PackagePage } from './listed-package.ts'

/** What became of the packages that old snapshots list. */
export interface PackageCounts {
  readonly listed: number
  /** Brought into the store (or that would be: see `read`), and their bytes. */
  readonly copied: number
  readonly copiedBytes: number
  /** In the store already. */
  readonly present: number
  /** Neither there nor in the tree. */
  readonly missing: number
  /** In the tree, but of another size or content, or not to be read: left out. */
  readonly wrong: number
}

/** Where packages come from and go to. */
export interface PackageCopy {
  readonly tree: Tree
  /** Where a package is looked for, in this order. */
  readonly directories: readonly string[]
  readonly blobs: BlobStore
  /** Whether their content is read, and stored; else only that they are there, in the right size, is looked at. */
  readonly read: boolean
  /** The file system that they go to. */
  readonly room: () => Promise<DiskRoom>
  readonly signal: AbortSignal
  /** Told after each package: counts so far, and how many packages there are in all. */
  readonly onProgress: (counts: PackageCounts, total: number) => void
  /** Told of each package left out, with the reason. */
  readonly onWrong: (reason: string) => void
}

/** How much a file system holds, and how much more it can take, in bytes. */
export interface DiskRoom {
  readonly freeBytes: number
  readonly totalBytes: number
}

/** What is left free, so that a server on the same disk goes on: this, or a twentieth of a small disk. */
const RESERVED_BYTES = 2 ** 30

/** Files copied at once: enough to keep a disk busy while others wait for their fsync. */
const PARALLEL_FILES = 8

/** Bytes that are not what they are listed as, rather than trouble with the store. */
const MISTAKES: readonly ErrorCode[] = [
  'DIGEST_MISMATCH',
  'UPSTREAM_SHORT',
  'UPSTREAM_OVERSIZE',
  'ADOPTION_REFUSED',
]

/** The counts before the first. */
export const NO_PACKAGES: PackageCounts = {
  listed: 0,
  copied: 0,
  copiedBytes: 0,
  present: 0,
  missing: 0,
  wrong: 0,
}

/** Brings packages of the tree into the blob store, each verified; what is there is not read. */
export async function copyPackages(
  copy: PackageCopy,
  pages: AsyncIterable<PackagePage>,
): Promise<PackageCounts> {
  let counts = NO_PACKAGES
  const limit = pLimit(PARALLEL_FILES)
  for await (const { packages, total } of pages) {
    const copyOne = async (one: ListedPackage) => {
      if (copy.signal.aborted) return
      const found = await obtain(copy, one)
      counts = addCounts(counts, found)
      copy.onProgress(counts, total)
    }
    // All must have ended before an error is told: nothing may run on.
    const settled = await Promise.allSettled(packages.map((one) => limit(() => copyOne(one))))
    copy.signal.throwIfAborted()
    for (const result of settled) if (result.status === 'rejected') throw result.reason
  }
  return counts
}

/** The sums of two counts. */
export function addCounts(a: PackageCounts, b: PackageCounts): PackageCounts {
  return {
    listed: a.listed + b.listed,
    copied: a.copied + b.copied,
    copiedBytes: a.copiedBytes + b.copiedBytes,
    present: a.present + b.present,
    missing: a.missing + b.missing,
    wrong: a.wrong + b.wrong,
  }
}

async function obtain(copy: PackageCopy, listed: ListedPackage): Promise<PackageCounts> {
  const one = { ...NO_PACKAGES, listed: 1 }
  const stored = await copy.blobs.keep(listed.digest)
  if (stored !== undefined && stored === (listed.size ?? stored)) return { ...one, present: 1 }
  const reasons: string[] = []
  // What lies above the repository lies above the tree as well.
  const directories = climbOf(listed.href) > 0 ? [] : copy.directories
  for (const directory of directories) {
    try {
      const file = await copy.tree.openFile(join(directory, listed.href))
      if (file === undefined) continue
      await storeFile(copy, listed, file)
      return { ...one, copied: 1, copiedBytes: file.sizeBytes }
    } catch (thrown) {
      copy.signal.throwIfAborted()
      const error = toPinyonError(thrown)
      if (!MISTAKES.includes(error.code)) throw error
      reasons.push(error.message)
    }
  }
  const [reason] = reasons
  if (reason === undefined) return { ...one, missing: 1 }
  copy.onWrong(reason)
  return { ...one, wrong: 1 }
}

async function storeFile(copy: PackageCopy, { digest, size }: ListedPackage, file: TreeFile): Promise<void> {
  const found = file.sizeBytes
  try {
    if (size !== undefined && size !== found)
      throw new PinyonError('DIGEST_MISMATCH', `${file.path} has not the listed ${size} bytes: ${found}`)
    if (!copy.read) return
    await refuseWithoutRoom(copy, file)
    const writer = await copy.blobs.create({ digest, size })
    try {
      for await (const chunk of readTreeFile(file)) {
        copy.signal.throwIfAborted()
        await writer.write(chunk)
      }
      await writer.publish()
    } catch (error) {
      if (!(error instanceof PinyonError) || error.code !== 'DIGEST_MISMATCH') throw error
      throw new PinyonError('DIGEST_MISMATCH', `${file.path}: ${error.message}`, { cause: error })
    } finally {
      await writer.close()
    }
  } finally {
    await file.handle.close()
  }
}

async function refuseWithoutRoom(copy: PackageCopy, { sizeBytes, path }: TreeFile): Promise<void> {
  const { freeBytes, totalBytes } = await copy.room()
  const left = Math.floor(freeBytes - sizeBytes)
  if (left < Math.min(RESERVED_BYTES, totalBytes / 20))
    throw new PinyonError('NO_SPACE', `copying ${path} would leave too little in data_dir: ${left} bytes`)
}
