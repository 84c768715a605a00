import { statfsSync, type StatsFs } from 'node:fs'

import type { BlobTotal } from './blob-ledger.ts'

/** What blobs leave free, so that the database on the same disk goes on: this, or a twentieth of a small disk. */
const SPARED_BYTES = 256 << 20
/** And so many files (inodes), or a twentieth of those a small file system can have. */
const SPARED_FILES = 1_024

/** How many more files a file system can have, of how many. */
export interface FreeFiles {
  readonly free: number
  readonly total: number
  /** How many are missing of those that blobs leave free; 0 where blobs need not give way. */
  readonly missing: number
}

/**
 * How many more bytes of blobs a directory's disk can take; negative when it is so full that some should go. Bytes that are being written
 * are not free any more. Without a limit where the system does not tell.
 *
 * A file system that has no more files to give is as full, however many bytes are free: what is missing counts as so many bytes as so many
 * stored blobs have on average.
 * @param stored what is stored there, which is what can go; bytes alone are looked at where it is not told
 */
export function readFreeBytes(directory: string, stored?: BlobTotal): number {
  const system = readFileSystem(directory)
  const { bsize, bavail, blocks } = system
  const free = blocks === 0 ? Infinity : bsize * bavail - Math.min(SPARED_BYTES, (bsize * blocks) / 20)
  const missing = stored === undefined ? 0 : (freeFilesOf(system)?.missing ?? 0)
  if (stored === undefined || missing === 0) return free
  return Math.min(free, stored.count === 0 ? 0 : -missing * Math.ceil(stored.bytes / stored.count))
}

/** Bytes that a directory's disk has free for this process; undefined where the system does not tell. */
export function readDiskFree(directory: string): number | undefined {
  const { bsize, bavail, blocks } = readFileSystem(directory)
  return blocks === 0 ? undefined : bsize * bavail
}

/** Files that a directory's disk has free; undefined where it makes them as they are needed (btrfs), or does not tell. */
export function readFreeFiles(directory: string): FreeFiles | undefined {
  return freeFilesOf(readFileSystem(directory))
}

function freeFilesOf({ files: total, ffree: free }: FileSystem): FreeFiles | undefined {
  if (total === 0) return undefined
  return { free, total, missing: Math.max(0, Math.ceil(Math.min(SPARED_FILES, total / 20)) - free) }
}

/** Whether blobs give way since a directory's disk has too few files left. */
export function hasFewFiles(directory: string): boolean {
  return (readFreeFiles(directory)?.missing ?? 0) > 0
}

/** What `statfs` tells: all zero where it tells nothing. */
type FileSystem = Pick<StatsFs, 'bsize' | 'bavail' | 'blocks' | 'files' | 'ffree'>

function readFileSystem(directory: string): FileSystem {
  try {
    return statfsSync(directory)
  } catch {
    return { bsize: 0, bavail: 0, blocks: 0, files: 0, ffree: 0 }
  }
}
