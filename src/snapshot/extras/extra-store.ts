import type { Digest } from '../../model/digest.ts'
import type { ExtraFile } from '../../model/repodata.ts'

/** A snapshot, by its number among all. */
export interface SnapshotId {
  readonly id: number
}

/** A file beside the packages that is fetched when it is asked for, and the newest snapshot in question that lists it. */
export interface ListedExtra {
  readonly path: string
  readonly digest: Digest
  /** Bytes; undefined when nothing says. */
  readonly size: number | undefined
  readonly mirrorId: number
  readonly seq: number
  /** Of that snapshot, where it has several. */
  readonly arches: readonly string[] | undefined
}

/** How many files beside the packages a snapshot has. */
export interface ExtraCounts {
  /** Pinned as the capture found them: these are always here. */
  readonly pinned: number
  /** Listed with a checksum, by whatever of the metadata. */
  readonly listed: number
  /** Of the listed ones. */
  readonly cached: number
  /** Of the listed ones: upstream's newest snapshot lists them no more, and they are not here. */
  readonly atRisk: number
}

/** Files beside the packages and those that repomd.xml names. */
export interface ExtraStore {
  counts(snapshot: SnapshotId): Promise<ExtraCounts>
  /** All that a snapshot lists, by path. */
  list(snapshot: SnapshotId): Promise<readonly ExtraFile[]>
  /**
   * Which file states the digest of one: a path below its repository, `capture` for one that was pinned as it was found. Undefined where it was not
   * noted, and for what is none.
   */
  statedBy(snapshot: SnapshotId, path: string): Promise<string | undefined>
  /** What a snapshot lists and is not here. @param newerThan without what the snapshot of this number listed as well */
  missing(snapshot: SnapshotId, newerThan?: number): Promise<readonly ListedExtra[]>
  /** What is at risk: of all snapshots of a mirror, or of those that are current, pinned, or in a live view. */
  atRisk(mirror: string, isHeld: boolean): Promise<readonly ListedExtra[]>
  /** By mirror, what of its configuration could not be pinned with its current snapshot, and why; without those of which all could. */
  problems(): Promise<ReadonlyMap<string, readonly string[]>>
}
