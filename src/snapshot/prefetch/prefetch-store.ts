import type { ListedFile, PackageSum, SnapshotPlace } from '../departed/departed.ts'

/** A package of a snapshot, which may be fetched before anybody asks for it. */
export interface StoredPackage extends ListedFile {
  /** When any package of its name was asked for last, in milliseconds since the epoch. */
  readonly askedAt: number | undefined
  readonly isCached: boolean
}

/** Which packages of a snapshot to give. */
export interface PackageQuery {
  /** Only those that came with a later snapshot than the one of this number. */
  readonly newerThan?: number | undefined
  /** Also those that are cached. */
  readonly isAll?: boolean
  /** Only those of names that were asked for at or after this moment, in milliseconds since the epoch. */
  readonly askedSince?: number | undefined
}

/** Up to where new packages were fetched ahead, and under which policy. */
export interface PrefetchProgress {
  /** The number of a snapshot; undefined: none was looked through. */
  readonly seq: number | undefined
  readonly policy: string | undefined
}

/** What fetching ahead needs to know, and to remember over a restart. */
export interface PrefetchStore {
  progress(mirror: string): Promise<PrefetchProgress>
  setProgress(mirror: string, progress: { readonly seq: number; readonly policy: string }): Promise<void>
  /**
   * Packages of a snapshot, in pages: those of which there is no blob, unless told. The embedded store reads each in a few milliseconds.
   */
  packages(snapshot: SnapshotPlace, query?: PackageQuery): AsyncIterable<readonly StoredPackage[]>
}

/** How much of each snapshot is cached, as it was counted last. */
export interface StockStore {
  /** Counts all live snapshots of a mirror anew, some milliseconds at a time. Rejects with the reason of `signal` when that ends it. */
  recount(mirror: string, signal?: AbortSignal): Promise<void>
  /** The same where nobody else waits for this thread, in one go where that is faster; none, unread, where only what snapshots pin is stored. */
  recountAtOnce(mirror: string): Promise<void>
  /** By the number of the snapshot: of one mirror's, or of every mirror's current one. Without those not counted yet. */
  counts(mirror?: string): Promise<ReadonlyMap<number, PackageSum>>
}
