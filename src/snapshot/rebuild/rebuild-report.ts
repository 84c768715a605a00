import type { Digest } from '../../model/digest.ts'

/** A snapshot that could not be restored: its name stays taken, and its files answer as those of a retired one. */
export interface LeftOut {
  readonly mirror: string
  readonly snapshot: string
  readonly reason: string
}

/** A repodata file of restored snapshots that is not there, and could not be fetched. */
export interface BrokenFile {
  readonly mirror: string
  /** One of those that list it. */
  readonly snapshot: string
  readonly path: string
  readonly digest: Digest
  readonly reason: string
}

/** What a database that was made anew holds, as the command tells it. */
export interface RebuildReport {
  readonly mirrors: number
  /** Snapshots that were restored, and names of those that were retired. */
  readonly snapshots: number
  readonly retired: number
  readonly generations: number
  readonly views: number
  /** Blobs that are on the disk. */
  readonly blobs: number
  readonly bytes: number
  /** Repodata files that were not right and were fetched again. */
  readonly refetched: number
  readonly left_out: readonly LeftOut[]
  readonly broken: readonly BrokenFile[]
  /** Lines of the inventory that could not be read. */
  readonly damaged: readonly string[]
  /** Whether it is all that the inventory tells of. */
  readonly ok: boolean
}

/** How far a rebuild is. */
export interface RebuildProgress {
  readonly mirror: string
  readonly done: number
  readonly total: number
}
