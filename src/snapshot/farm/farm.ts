import type { RetentionRules } from '../../model/retention.ts'
import type { DepartedCounts } from '../departed/departed.ts'
import type { MirrorDefects } from './mirror-defects.ts'

/** A mirror as an overview shows it. Times are milliseconds since the epoch; undefined is what has not happened. */
export interface FarmMirror {
  readonly id: number
  readonly name: string
  readonly listed: boolean
  readonly pinned: boolean
  readonly pinWhy: string | undefined
  /** Undefined for one that is not pinned; of a pin from before that was noted, since when the snapshot is current. */
  readonly pinnedSince: number | undefined
  readonly removedAt: number | undefined
  readonly checkedAt: number | undefined
  readonly succeededAt: number | undefined
  readonly error: string | undefined
  /** Looks upstream that failed for one reason since the last other one, and since when. */
  readonly failures: number
  readonly failingSince: number | undefined
  /** What jobs get, and since when. */
  readonly current: FarmSnapshot | undefined
  readonly currentSince: number | undefined
  /** Live snapshots that are newer than the current one. */
  readonly waiting: number
  readonly newest: string | undefined
  readonly lastUsed: number | undefined
  /** How often packages were replaced in place within the last week, by the snapshots of which that was counted: one may be so several times. */
  readonly replaced: number
  /** Of those that are named, how many had never been fetched before, and are not here while live snapshots list them. */
  readonly replacedUnkept: number
  readonly departed: DepartedCounts
  readonly defects: MirrorDefects
}

/** A snapshot as lists show it. */
export interface FarmSnapshot {
  readonly id: number
  readonly seq: number
  readonly name: string
  readonly createdAt: number
  readonly packages: number
  readonly bytes: number
  /** The most directories above the root that a package of it lies in. */
  readonly climb: number
  /** Of one of several architectures: their names. */
  readonly arches?: readonly string[] | undefined
  /** As counted last; undefined before that. */
  readonly cached: number | undefined
  readonly cachedBytes: number | undefined
}

/** By how much a snapshot differs from the one before it, as a diff of both tells. */
export interface ChangeCounts {
  readonly added: number
  readonly removed: number
  readonly upgraded: number
  readonly downgraded: number
  readonly replaced: number
}

/** A snapshot of one mirror, with what a list of them tells. */
export interface ListedSnapshot extends FarmSnapshot {
  readonly revision: string | undefined
  readonly changes: ChangeCounts | undefined
  readonly requests: number
  readonly lastUsed: number | undefined
  /** Each reason for which retention would keep it, or for which it goes. */
  readonly kept: readonly string[]
}

/** A snapshot on a time axis. */
export interface SnapshotMark {
  readonly name: string
  readonly seq: number
  readonly createdAt: number
  /** Packages that changed; undefined where that was not counted. */
  readonly changed: number | undefined
  readonly replaced: number
}

/** How many live snapshots a mirror has, and when the newest of them was made, in milliseconds since the epoch. */
export interface SnapshotStock {
  readonly count: number
  readonly newestAt: number | undefined
}

/** How a look upstream ended. */
export type CheckOutcome = 'unchanged' | 'published' | 'failed'

/** A look upstream that has ended. */
export interface SyncCheck {
  readonly mirror: string
  readonly startedAt: number
  readonly durationMs: number
  readonly outcome: CheckOutcome
  readonly actor: string
  /** Of what was fetched. */
  readonly bytes: number
  readonly snapshot: string | undefined
  readonly reason: string | undefined
}

/** Looks upstream that followed each other and came to the same. */
export interface CheckRun extends Omit<SyncCheck, 'startedAt'> {
  readonly id: number
  readonly firstAt: number
  readonly lastAt: number
  readonly times: number
}

/** Which looks upstream to give, the last ones first. */
export interface CheckQuery {
  readonly mirror?: string
  readonly outcome?: CheckOutcome
  /** Only those that ended before this moment. */
  readonly before?: number
  readonly limit: number
}

/** What jobs got of a mirror, from a moment on until the next one. */
export interface CurrentSince {
  readonly snapshot: string | undefined
  readonly since: number
  readonly cause: string
}

/** How the metadata of a snapshot, or of one of its architectures, were fetched. */
export interface FetchFacts {
  /** From the first look at repomd.xml until the last file was there. */
  readonly durationMs: number
  readonly bytes: number
  /** How often repomd.xml had become another one by the end, so that it was fetched anew. */
  readonly moved: number
}

/** From where and how the metadata of a snapshot were fetched. */
export interface SnapshotFetch extends FetchFacts {
  /** Undefined where there is a single repository. */
  readonly arch: string | undefined
  /** Without credentials. */
  readonly baseurl: string
  /** Whether a metalink or mirrorlist named that. */
  readonly listed: boolean
}

/** Generations in which a snapshot was current, from one to another. */
export interface CurrentSpan {
  readonly first: number
  readonly since: number
  /** The last one, and when the next began; undefined while it is current. */
  readonly last: number | undefined
  readonly until: number | undefined
}

/** A live view, and the snapshot of a mirror that it holds. */
export interface HeldByView {
  readonly view: string
  readonly snapshot: string
  readonly createdAt: number
  readonly endsAt: number
}

/** A package that snapshots of a mirror list, and which of them. */
export interface PackageSpan {
  readonly name: string
  readonly epoch: string
  readonly version: string
  readonly release: string
  readonly arch: string
  readonly href: string
  readonly digest: string
  readonly size: number | undefined
  readonly firstSeq: number
  /** Undefined while the newest snapshot lists it. */
  readonly lastSeq: number | undefined
  readonly cached: boolean
  /** The file name of its source package; undefined when nobody said. */
  readonly source: string | undefined
}

/** What a search looks for. */
export interface PackageQuery {
  /** What name, version, path or the source's name has to contain, whatever its case; or the whole name. */
  readonly text?: string
  readonly name?: string
  /** Only what this snapshot lists. */
  readonly seq?: number
  readonly limit: number
}

/** What a search found, and whether it came to an end. */
export interface PackageHits {
  readonly packages: readonly PackageSpan[]
  readonly isComplete: boolean
}

/** A package that a mirror's current snapshot lists. */
export interface FarmHit extends Omit<PackageSpan, 'firstSeq' | 'lastSeq' | 'cached' | 'source'> {
  readonly mirror: string
  readonly snapshot: string
}

/** A view as a page of them shows it. */
export interface ListedView {
  readonly name: string
  readonly generation: number
  readonly createdAt: number
  readonly client: string
  readonly ttlMs: number
  readonly endsAt: number
  readonly snapshots: number
}

/** Who uses a mirror, in short. */
export interface MirrorUseSummary {
  readonly mirror: string
  readonly requests: number
  readonly bytes: number
  readonly clients: number
  readonly agents: readonly string[]
  readonly firstSeen: number | undefined
  readonly lastSeen: number | undefined
}

/** Reading what pages show. Whatever takes more than a few milliseconds lets others have their turn in between. */
export interface FarmReader {
  /** Changes whenever anything that is read here may have. */
  revision(): string
  /** The newest generation of the index; 0 before the first. */
  generation(): number
  /** All mirrors that are configured or still have snapshots, by name. */
  mirrors(nowMs: number): Promise<readonly FarmMirror[]>
  /** By mirror, what upstream has wrong in its current snapshot; without those that have nothing. Costs no more than there are mirrors. */
  defects(): ReadonlyMap<string, MirrorDefects>
  /** Live snapshots since a moment, by the mirror's number, oldest first. */
  marks(mirrorIds: readonly number[], sinceMs: number): Promise<ReadonlyMap<number, readonly SnapshotMark[]>>
  /** Distinct clients since a moment, by the mirror's number; of those that are kept by name. */
  hosts(mirrorIds: readonly number[], sinceMs: number): Promise<ReadonlyMap<number, number>>
  /** How many clients used any of these mirrors since a moment, each once; of those that are kept by name. */
  countHosts(mirrorIds: readonly number[], sinceMs: number): Promise<number>
  /** What there is of snapshots, by the mirror's number. */
  stocks(mirrorIds: readonly number[]): Promise<ReadonlyMap<number, SnapshotStock>>
  /** Live snapshots of a mirror, newest first, each with its reasons. */
  snapshots(
    mirror: Pick<FarmMirror, 'id' | 'removedAt'>,
    rules: RetentionRules,
    nowMs: number,
  ): Promise<readonly ListedSnapshot[]>
  checks(query: CheckQuery): Promise<readonly CheckRun[]>
  /** What was current of a mirror since a moment, oldest first, beginning with what was current then. */
  currents(mirrorId: number, sinceMs: number): Promise<readonly CurrentSince[]>
  /** From where a snapshot's metadata came, by architecture; none where that was not noted. */
  fetches(snapshotId: number): Promise<readonly SnapshotFetch[]>
  /** When a snapshot was current, the last ones first. */
  spans(
    snapshot: { readonly id: number; readonly mirrorId: number },
    limit: number,
  ): Promise<readonly CurrentSpan[]>
  /** Some live views that hold snapshots of a mirror, those that end last. */
  holders(mirrorId: number, limit: number): Promise<readonly HeldByView[]>
  packages(mirrorId: number, query: PackageQuery): Promise<PackageHits>
  /** Packages of this name in current snapshots, for as long as that may take; `after` is where an earlier search ended. */
  find(
    name: string,
    options: { readonly after: number; readonly limit: number; readonly budgetMs: number },
  ): Promise<{ readonly hits: readonly FarmHit[]; readonly next: number | undefined }>
  views(query: { readonly after: string; readonly limit: number }): Promise<readonly ListedView[]>
  /** Who uses mirrors, those unused for longest first. */
  use(query: { readonly offset: number; readonly limit: number; readonly text: string }): Promise<{
    readonly mirrors: readonly MirrorUseSummary[]
    readonly total: number
  }>
  /** By how much snapshots differ from those before them, by `MIRROR SNAPSHOT`; without those of which it was not counted. */
  changesOf(
    snapshots: readonly { readonly mirror: string; readonly name: string }[],
  ): Promise<ReadonlyMap<string, ChangeCounts>>
}

/** Noting what the pages show. */
export interface FarmWriter {
  recordCheck(check: SyncCheck): Promise<void>
  /** Notes by how much a snapshot differs from the one before it. */
  recordChanges(snapshotId: number, changes: ChangeCounts): Promise<void>
}
