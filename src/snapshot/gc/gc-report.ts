import type { WallDoubt } from '../../model/wall-trust.ts'

/** What happened, or would happen, to a snapshot, and why. */
export interface GcSnapshot {
  readonly mirror: string
  readonly name: string
  readonly goes: boolean
  readonly reasons: readonly string[]
}

/** Some blobs. */
export interface BlobSum {
  readonly count: number
  readonly bytes: number
}

/** What blobs are kept for. */
export interface GcBlobs {
  /** All there are, after what went. */
  readonly total: BlobSum
  readonly maxBytes: number
  /** Repodata of snapshots: never evicted. */
  readonly repodata: BlobSum
  /** Packages that a snapshot lists and upstream no longer has: never evicted. */
  readonly onlyHere: BlobSum
  /** Packages that can be fetched again: the least recently used go when space is wanted. */
  readonly fetchable: BlobSum
  /** Listed by no snapshot, but used or stored so recently that a sync may be about to list them. */
  readonly recent: BlobSum
  /** What went, or is going: listed by no snapshot, and evicted for space. */
  readonly unlisted: BlobSum
  readonly evicted: BlobSum
  /** Of both, what was still being deleted when this was told; nothing once a collection has ended. */
  readonly deleting: BlobSum
}

/** What a collection did, or would do. */
export interface GcReport {
  readonly dryRun: boolean
  /** Set while the system's clock is not believed: no snapshot is retired. */
  readonly wallDoubt: WallDoubt | undefined
  readonly snapshots: readonly GcSnapshot[]
  readonly packageRows: number
  readonly blobs: GcBlobs
  /** Whether what is stored fits the configured size. */
  readonly fits: boolean
}

/** The sum of none. */
export const NO_BLOBS: BlobSum = { count: 0, bytes: 0 }
