import type { Digest } from '../model/digest.ts'

/** How much there is. */
export interface BlobTotal {
  readonly count: number
  readonly bytes: number
}

/**
 * The account of the blobs of a store, shared by all processes: what there is, how large, and when it was last needed. A blob gets and
 * loses its name under the ledger's lock, so that whoever decides what to remove sees nothing half-way.
 */
export interface BlobLedger {
  /** Gives a blob its name by `put` and enters it, in one step. */
  add(digest: Digest, size: number, put: () => void): Promise<void>
  /** Takes a blob away by `remove`, which says whether there was one, and strikes it out, in one step. */
  drop(digest: Digest, remove: () => boolean): Promise<boolean>
  /**
   * Notes that a blob is needed, so that it is not taken for left over, and gives its size as `findSize` sees it; undefined when it is
   * not there.
   */
  keep(digest: Digest, findSize: () => number | undefined): Promise<number | undefined>
  /** Notes that blobs were used at this moment (milliseconds since the epoch). */
  touch(digests: readonly Digest[], atMs: number): Promise<void>
  /** What is entered of a blob: its bytes, and when it was last needed; undefined when it is not there. */
  find(digest: Digest): { readonly size: number; readonly usedAt: number } | undefined
  total(): BlobTotal
}

/** For a store of which no account is kept: a directory that one process has to itself. */
export const NO_LEDGER: BlobLedger = {
  add: async (_digest, _size, put) => put(),
  drop: async (_digest, remove) => remove(),
  keep: async (_digest, findSize) => findSize(),
  touch: async () => undefined,
  find: () => undefined,
  total: () => ({ count: 0, bytes: 0 }),
}
