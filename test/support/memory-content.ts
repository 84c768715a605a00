import { BlobCache, type BlobCacheLimits } from '../../src/cache/blob-cache.ts'
import type { Blob, BlobStore } from '../../src/cache/blob-store.ts'
import { digestOf, type Digest } from '../../src/model/digest.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { Content } from '../../src/proxy/content.ts'
import { createFileReply, type FileReply } from '../../src/proxy/reply.ts'
import type { PackageReader, WantedFile } from '../../src/snapshot/prefetch/package-fetches.ts'
import type { Snapshot } from '../../src/snapshot/store.ts'
import { seededBytes } from './seeded-bytes.ts'

/** Files of one snapshot by target, all of them warm, from a store that is in memory. */
export interface MemoryContent {
  readonly files: ReadonlyMap<string, FileReply>
  readonly bytesOf: (target: string) => Buffer
  readonly content: Content
  readonly cache: BlobCache
  /** From here on the store gives nothing behind this position, as a file does that was cut short. */
  readonly cutShort: (at: number) => void
  /** Blobs that are open: those that the cache keeps, and those that are being read. */
  readonly open: () => number
}

/** How files are fetched that are not in the store, by their targets. */
export type MemoryFetches = Readonly<Record<string, (bytes: Buffer) => Promise<PackageReader>>>

/** The one snapshot there is. */
export const SNAPSHOT: Snapshot = {
  id: 1,
  mirrorId: 1,
  mirror: 'm',
  name: '2016-12-13-13-30',
  seq: 1,
  createdAt: Date.UTC(2016, 11, 13, 13, 30),
} as unknown as Snapshot

async function refuse(): Promise<never> {
  throw new PinyonError('UPSTREAM_GONE', 'there is no upstream')
}

/**
 * Makes files of so many bytes.
 * @param fetch gives those that are not in the store, by their targets; all are unless told
 */
export async function createMemoryContent(
  sizes: readonly (readonly [target: string, size: number])[],
  limits: Partial<BlobCacheLimits> = {},
  fetch: MemoryFetches = {},
): Promise<MemoryContent> {
  const files = new Map<string, FileReply>()
  const blobs = new Map<Digest, Buffer>()
  for (const [target, size] of sizes) {
    const bytes = seededBytes(target, size)
    const digest = digestOf(bytes)
    if (fetch[target] === undefined) blobs.set(digest, bytes)
    const file = { digest, size, path: target, kind: 'package', packageName: 'a' } as const
    files.set(target, createFileReply(SNAPSHOT, file, true))
  }
  let [limit, open] = [Number.POSITIVE_INFINITY, 0]
  const read = (bytes: Buffer, target: Uint8Array, position: number) =>
    Promise.resolve(bytes.subarray(0, limit).copy(target, 0, position))
  const store = {
    open: (digest: Digest): Promise<Blob | undefined> => {
      const bytes = blobs.get(digest)
      if (bytes === undefined) return Promise.resolve(undefined)
      open += 1
      return Promise.resolve({
        digest,
        size: bytes.length,
        read: (target, position) => read(bytes, target, position),
        close: () => (open -= 1),
      })
    },
  }
  const cache = new BlobCache(store as unknown as BlobStore, limits)
  for (const { digest } of files.values()) (await cache.open(digest))?.release()
  const bytesOf = (target: string) => seededBytes(target, files.get(target)?.size ?? 0)
  const fetchFile = async ({ path }: WantedFile) => await (fetch[path] ?? refuse)(bytesOf(path))
  return {
    files,
    bytesOf,
    content: new Content({
      blobs: cache,
      fetches: { open: fetchFile, stream: refuse, refusal: async () => undefined },
    }),
    cache,
    cutShort: (at) => (limit = at),
    open: () => open,
  }
}
