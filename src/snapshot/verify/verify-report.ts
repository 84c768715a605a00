import type { Digest } from '../../model/digest.ts'
import type { SnapshotFile } from '../store.ts'

/** A file that a snapshot lists. */
export interface ListedFile {
  readonly mirror: string
  /** The newest of those that list it. */
  readonly snapshot: string
  /** How many snapshots of the mirror list it. */
  readonly snapshots: number
  readonly path: string
  readonly kind: SnapshotFile['kind']
}

/** A blob that is not what it has to be. */
export interface BlobFinding {
  readonly digest: Digest
  readonly reason: string
  /** Whether there are bytes to be put aside. */
  readonly hasFile: boolean
}

/** How far a verification is. */
export interface VerifyProgress {
  readonly blobs: number
  readonly blobsTotal: number
  readonly bytes: number
}

/** What the walk over all blobs found. */
export interface VerifyWalk {
  readonly blobs: number
  readonly bytes: number
  /** Findings, and what lists each; nothing for a left-over. */
  readonly findings: readonly (BlobFinding & { readonly listed: readonly ListedFile[] })[]
}

/** A finding and what became of it, as the API tells it. */
export interface VerifyFinding {
  readonly digest: Digest
  readonly reason: string
  /** Where its bytes were put, below the data directory; null when there were none. */
  readonly quarantined: string | null
  readonly listed: readonly ListedFile[]
  /** `refetched`, `unlisted` (no snapshot needs it), `broken`, or `found` where nothing was to be changed. */
  readonly state: 'refetched' | 'unlisted' | 'broken' | 'found'
  /** Why it could not be fetched again. */
  readonly error: string | null
}

/** What a verification did, as the API tells it. */
export interface VerifyReport {
  readonly blobs: number
  readonly bytes: number
  readonly findings: readonly VerifyFinding[]
  /** Whether every blob that a snapshot lists is right now, or was never stored. */
  readonly ok: boolean
}
