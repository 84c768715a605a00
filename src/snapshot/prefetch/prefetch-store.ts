import type { ListedFile, PackageSum, SnapshotPlace } from '../departed/departed.ts'

/** A package of a snapshot that may be fetched before anybody asks for it. */
export interface MissingPackage extends ListedFile {
  /** When any package of its name was asked for last, in milliseconds since the epoch. */
  readonly askedAt: number | undefined
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
   * Packages of a snapshot of which there is no blob, in pages. The embedded store reads each in a few milliseconds.
   * @param newerThan only those that came with a later snapshot than this one's number
   */
  missing(snapshot: SnapshotPlace, newerThan?: number): AsyncIterable<readonly MissingPackage[]>
}

/** How much of each snapshot is cached, as it was counted last. */
export interface StockStore {
  /** Counts all live snapshots of a mirror anew, some milliseconds at a time. */
  recount(mirror: string): Promise<void>
  /** By the number of the snapshot: of one mirror's, or of every mirror's current one. Without those not counted yet. */
  counts(mirror?: string): Promise<ReadonlyMap<number, PackageSum>>
}
