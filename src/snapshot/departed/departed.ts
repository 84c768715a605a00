import type { ArchivedPackage } from '../../model/url-template.ts'

/**
 * What has become of a package that upstream no longer lists: `cached`; `at_risk`: not here, but some source may still have it; `lost`:
 * every source was asked and has it not.
 */
export type DepartedState = 'cached' | 'at_risk' | 'lost'

/** A snapshot, as far as it says what it lists. */
export interface SnapshotPlace {
  readonly mirror: string
  readonly mirrorId: number
  readonly seq: number
  /** Where it has several architectures: which, as all its paths begin with one. */
  readonly arches?: readonly string[] | undefined
}

/** Some packages. */
export interface PackageSum {
  readonly count: number
  /** As listed. */
  readonly bytes: number
}

/** How many packages are in each state. */
export type DepartedCounts = Readonly<Record<DepartedState, PackageSum>>

/** When all sources said that they have not got a package. */
export interface LostFacts {
  /** The last time, in milliseconds since the epoch. */
  readonly askedAt: number
  readonly times: number
  /** What each source said. */
  readonly answers: string
}

/** A package as a snapshot lists it. */
export interface ListedFile extends ArchivedPackage {
  readonly packageId: number
  readonly mirrorId: number
  readonly mirror: string
  /** Bytes; undefined when the listing does not say. */
  readonly size: number | undefined
  /** Absent while upstream lists it, as far as is known. */
  readonly departure?: Departure
}

/** How a package left upstream. */
export interface Departure {
  readonly state: DepartedState
  /** The number of the last snapshot that lists it. */
  readonly lastSeq: number
  /** When a look upstream found it gone, in milliseconds since the epoch. */
  readonly leftAt: number | undefined
  /** Its name. */
  readonly lastSnapshot: string | undefined
  /** Its architectures, where it has several. */
  readonly lastArches?: readonly string[] | undefined
  /** Whether upstream has other bytes under its href by now. */
  readonly isReplaced: boolean
  readonly lost: LostFacts | undefined
}

/** Which departed packages to give, by their numbers. */
export interface DepartedQuery {
  readonly states: readonly DepartedState[]
  /** Only what this snapshot lists. */
  readonly snapshot?: SnapshotPlace
  /** Only what is listed by a snapshot that is current, pinned, or in a live view. */
  readonly isHeld?: boolean
  readonly after?: number
  /** At most so many; 100 unless told. */
  readonly limit?: number
}

/** Packages that upstream no longer lists and live snapshots do. */
export interface DepartedStore {
  /** By mirror; without those that have none. Costs no more than there are mirrors. */
  counts(): Promise<ReadonlyMap<string, DepartedCounts>>
  /** By the name of each live snapshot that lists any. */
  countsBySnapshot(mirror: string): Promise<ReadonlyMap<string, DepartedCounts>>
  /** A package of a snapshot, by its path there. */
  find(snapshot: SnapshotPlace, path: string): Promise<ListedFile | undefined>
  list(mirror: string, query: DepartedQuery): Promise<readonly ListedFile[]>
  /** Notes that every source was asked. Nothing when it is cached by now, or in no snapshot any more. */
  recordLost(file: Pick<ListedFile, 'mirrorId' | 'packageId'>, atMs: number, answers: string): Promise<void>
  /** Makes what is lost at risk again: there are sources that were never asked. */
  forgetLost(mirror: string): Promise<void>
}
