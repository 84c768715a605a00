import type { Digest } from '../model/digest.ts'
import type { Reach } from '../model/reach.ts'
import type { ExtraFile, PackageRecord } from '../model/repodata.ts'
import type { PackagePage } from './adopt/listed-package.ts'
import type { KeptArches } from './arches/kept-arches.ts'
import type { DepartedStore } from './departed/departed.ts'
import type { ExtraStore } from './extras/extra-store.ts'
import type { FarmReader, FarmWriter, FetchFacts } from './farm/farm.ts'
import type { PrefetchStore, StockStore } from './prefetch/prefetch-store.ts'
import type { UsageStore } from './usage/usage.ts'
import type { ViewStore } from './views/views.ts'
import type { PackageDifferences } from './diff/stored-package.ts'
import type { MirrorUse } from './gc/removal.ts'
import type { KeyStore } from './keys/key-store.ts'
import type { ListingStore } from './listing/listing-store.ts'

/** One published state of a mirror. */
export interface Snapshot {
  readonly id: number
  readonly mirror: string
  readonly mirrorId: number
  readonly seq: number
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly fingerprint: Digest
  readonly revision: string | undefined
  readonly packageCount: number
  /** Sum of the sizes primary states. */
  readonly packageBytes: number
  /** The most directories above the repository's root that a package lies in: see model/snapshot-path.ts. */
  readonly climb: number
  /** What became of locations that lead clients to other servers; undefined where there were none. */
  readonly xmlBase: XmlBase | undefined
  /** Of one of several architectures: their names in order, which all its paths begin with. Undefined for one of a single repository. */
  readonly arches?: readonly string[] | undefined
}

/** One architecture of a snapshot that has several. */
export interface SnapshotArch {
  readonly arch: string
  readonly fingerprint: Digest
  readonly revision: string | undefined
  readonly xmlBase: XmlBase | undefined
}

/** `rewritten`: they lead here now, in metadata of our own; `left`: the metadata are signed, or adopted, and stay upstream's. */
export type XmlBase = 'rewritten' | 'left'

/** A file below a snapshot: repodata, a package, or what lies beside them. */
export interface SnapshotFile {
  readonly path: string
  readonly kind: 'repodata' | 'package' | 'extra'
  /** Undefined for a repodata file that upstream never had right. */
  readonly digest: Digest | undefined
  /** Bytes; undefined when the listing does not say. */
  readonly size: number | undefined
  /** Of a package: its name, as the repository lists it. */
  readonly packageName?: string
}

/** A name in a directory of a snapshot. */
export interface DirectoryEntry {
  readonly name: string
  readonly directory: boolean
  readonly size: number | undefined
}

/** The index: which snapshot is current, for every listed mirror that has one. */
export interface Index {
  /** 0 before anything was published. */
  readonly generation: number
  /** When this generation began; 0 for none. */
  readonly createdAt: number
  /** In the order of the index formats: bytes of `<mirror>/`. */
  readonly current: ReadonlyMap<string, Snapshot>
}

/** An upstream mistake that was published as it is. */
export interface Defect {
  readonly path: string
  /**
   * size, open-size, open-checksum: repomd says otherwise; missing: cannot be had; href, duplicate, count, base: of packages; replaced:
   * same name and version as in the snapshot before, other bytes; extra: a file or pattern of `extra_files` that could not be pinned.
   */
  readonly kind:
    | 'size'
    | 'open-size'
    | 'open-checksum'
    | 'missing'
    | 'href'
    | 'duplicate'
    | 'count'
    | 'base'
    | 'replaced'
    | 'extra'
  readonly message: string
}

/** By whom a repomd.xml was signed, as it was verified. */
export interface VerifiedSignature {
  /** Of the key that signed, in upper-case hex. */
  readonly fingerprint: string
  /** Of the primary key that it belongs to: itself, unless it is a subkey. */
  readonly primary: string
  /** The primary key's first user id. */
  readonly owner: string
  /** As node:crypto names it. */
  readonly hash: string
  /** Milliseconds since the epoch; the first is what the signer says. */
  readonly signedAt: number
  readonly verifiedAt: number
}

/** What is known of a mirror's syncs. */
export interface MirrorState {
  readonly name: string
  readonly listed: boolean
  /** Whether the configuration pins its current snapshot. */
  readonly pinned: boolean
  /** What the configuration says about the pin. */
  readonly pinWhy: string | undefined
  /** When it went out of the configuration, in milliseconds since the epoch; undefined while it is in it. */
  readonly removedAt: number | undefined
  readonly checkedAt: number | undefined
  readonly succeededAt: number | undefined
  readonly error: string | undefined
  readonly snapshotCount: number
  readonly current: Snapshot | undefined
}

/** The last repomd.xml seen upstream. */
export interface SeenRepomd {
  readonly baseurl: string
  /** How far in the network the list may lead that named the base URL; absent when the configuration did. */
  readonly named?: Reach
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  readonly digest: Digest
}

/** A captured and verified repodata generation, ready to be read and published. */
export interface Candidate {
  readonly mirror: string
  readonly fingerprint: Digest
  readonly revision: string | undefined
  readonly files: readonly CandidateFile[]
  readonly defects: readonly Defect[]
  /** Absent where there are several architectures, as the signature is. */
  readonly seen?: SeenRepomd
  /** Present when it was verified. */
  readonly signature?: VerifiedSignature
  /** Present when it was fetched, which what is adopted was not. */
  readonly fetched?: FetchFacts
  /** Of several architectures: what is of each, by name. All paths then begin with these names. */
  readonly arches?: readonly CandidateArch[]
  readonly xmlBase?: XmlBase
  /** Files beside the packages that are fetched when they are first asked for. */
  readonly extras?: readonly ExtraFile[]
}

/** An architecture of a {@link Candidate}; nothing is `seen` where upstream still shows what was seen before. */
export type CandidateArch = SnapshotArch & Pick<Candidate, 'seen' | 'signature' | 'fetched'>

/** A repodata file of a {@link Candidate}. */
export interface CandidateFile {
  readonly path: string
  /** `repomd`, `signature`, `key`, the record's type, or `extra` for what no record names. */
  readonly type: string
  readonly digest: Digest | undefined
  readonly size: number
}

/** What becomes a snapshot. */
export interface Publication {
  readonly mirror: string
  /** The packages primary lists, in batches. */
  readonly packages: AsyncIterable<readonly PackageRecord[]>
  /**
   * Asked once all packages were read, with what the store found wrong with them: hrefs listed twice with different content. What it
   * gives is published, defects and all. Throwing ends the publication: nothing has changed.
   */
  readonly complete: (duplicates: readonly Defect[]) => Promise<Candidate>
  /** Who asked for it; the schedule unless told. Looked at, as is the time, after {@link complete}. */
  readonly actor?: string | undefined
  readonly nowMs: number
  /** Refuse, with REPODATA_MOVING, what names a repodata file of which there is no blob by now. */
  readonly checkBlobs?: boolean
  /** What is not among `packages`, as it is the same as in the newest snapshot. */
  readonly kept?: KeptArches
}

/** What publishing did. */
export interface PublishedSnapshot {
  readonly snapshot: Snapshot
  /** The generation it began; undefined while the mirror is pinned or not listed. */
  readonly generation: number | undefined
  /** Packages that came and went since the snapshot before, by href and digest. */
  readonly added: number
  readonly removed: number
  /** Packages whose name and version stayed while their bytes became others; each is a defect too, or the first of them are. */
  readonly replaced: number
}

/** Why a generation began. */
export type GenerationCause = 'sync' | 'pin' | 'unpin' | 'rollback' | 'remove' | 'configuration' | 'adopt'

/** A state of the index, and what made it another than the one before. */
export interface Generation {
  readonly number: number
  /** When it began; never before the one before it, whatever the clock said. */
  readonly createdAt: number
  readonly cause: GenerationCause
  /** `schedule`, `configuration file`, `socket user NAME` or `token NAME`; empty where it was not noted. */
  readonly actor: string
  /** What was said of the pins that it brought; absent where nothing was. */
  readonly why?: string
  /** Snapshot names; undefined where a mirror came into the index or went out of it. */
  readonly changes: readonly {
    readonly mirror: string
    readonly from: string | undefined
    readonly to: string | undefined
  }[]
}

/** Which generations to give, newest first: those before one, if it is given. */
export interface GenerationQuery {
  /** Only those that changed this mirror. */
  readonly mirror?: string
  readonly before?: number
  /** At most so many; 50 unless told. */
  readonly limit?: number
}

/** A mirror of the configuration. */
export interface ListedMirror {
  readonly name: string
  /** Whether it is to be in the index; it is unless told. */
  readonly enabled?: boolean
  /** The snapshot that is current whatever syncs bring; the newest without. */
  readonly pin?: string
  /** Why it is pinned, on one line. */
  readonly pinWhy?: string
}

/** Who changes the listing, and why. */
export interface ChangeOrigin {
  readonly actor: string
  /** As far as it can be told from what changes, unless it is known. */
  readonly cause?: GenerationCause
}

/** How a sync attempt ended. */
export interface SyncRecord {
  readonly mirror: string
  readonly checkedAt: number
  /** Undefined when it succeeded. */
  readonly error: string | undefined
  /** Given when upstream's repomd.xml was seen and needs no snapshot. */
  readonly seen?: SeenRepomd
  /** The same of those of a mirror's architectures. */
  readonly seenArches?: ReadonlyMap<string, SeenRepomd>
}

/** How an adoption becomes visible. */
export interface AdoptionCommit {
  readonly configured: boolean
  readonly nowMs: number
  /** Who adopts. */
  readonly actor: string
}

/** Snapshots of an earlier time on their way into a mirror. Nobody sees them until {@link commit}; what a process left that died before is swept. */
export interface Adoption {
  /** Adds a snapshot, named by the minute of its `nowMs`, which must be later than that of the one added before. */
  add(publication: Publication): Promise<PublishedSnapshot>
  /** Every package of the snapshots added, each once, in pages. */
  packages(): AsyncIterable<PackagePage>
  /** The same of snapshots that the mirror has already, from one to another. */
  packagesBetween(first: Snapshot, last: Snapshot): AsyncIterable<PackagePage>
  /**
   * Makes all of them snapshots of the mirror in one transaction: before those that are there when all are older, after them when all are
   * newer. The index changes when the newest does. A mirror that is not configured counts as having gone out of the configuration now.
   * @throws PinyonError ADOPTION_REFUSED when there is no such place for them (any more); nothing has changed then
   */
  commit(options: AdoptionCommit): Promise<AdoptedSnapshots>
  /** Ends it: what was not committed is forgotten. Must be called once. */
  close(): Promise<void>
}

/** What a commit did. */
export interface AdoptedSnapshots {
  /** The generation it began; undefined while the index stayed as it is. */
  readonly generation: number | undefined
}

/** Reading snapshots. Absence is undefined. */
export interface SnapshotReader {
  /** The number of the newest generation, 0 before the first: one look-up, without an await, for whoever has remembered what holds at it. */
  generation(): number
  /** The index as it is now; the same object until something changed. */
  index(): Promise<Index>
  snapshot(mirror: string, name: string): Promise<Snapshot | undefined>
  /** When a snapshot of this name was retired, in milliseconds; undefined for one that is there, or never was. */
  retiredAt(mirror: string, name: string): Promise<number | undefined>
  /** The names of a mirror's retired snapshots, none of which is given again. */
  retiredNames(mirror: string): Promise<readonly string[]>
  /** How many snapshots of all mirrors are retired. */
  retiredCount(): Promise<number>
  file(snapshot: Snapshot, path: string): Promise<SnapshotFile | undefined>
  /** A file by path in the newest snapshot at or before this one that lists it: the rolling view. */
  rollingFile(
    snapshot: Snapshot,
    path: string,
  ): Promise<{ snapshot: Snapshot; file: SnapshotFile } | undefined>
  /** What a directory of a snapshot holds, by name; undefined when there is no such directory. `''` is the top. */
  directory(snapshot: Snapshot, path: string): Promise<readonly DirectoryEntry[] | undefined>
  /** Newest first. */
  snapshots(mirror: string): Promise<readonly Snapshot[]>
  /** The first of these, for less. */
  newest(mirror: string): Promise<Snapshot | undefined>
  files(snapshot: Snapshot): Promise<readonly CandidateFile[]>
  defects(snapshot: Snapshot): Promise<readonly Defect[]>
  /** The architectures of a snapshot that has several, by name. */
  arches(snapshot: Snapshot): Promise<readonly SnapshotArch[]>
  /** Who signed a snapshot, or one of its several architectures, if that was verified. */
  signature(snapshot: Snapshot, arch?: string): Promise<VerifiedSignature | undefined>
  /**
   * In which packages two snapshots of one mirror differ, in no order. The embedded store blocks its thread for tenths of a second: call
   * it where nothing is served.
   */
  differences(from: Snapshot, to: Snapshot): Promise<PackageDifferences>
  /** Every mirror that is configured, or was and still has snapshots, by name. */
  mirrors(): Promise<readonly MirrorState[]>
  seenRepomd(mirror: string): Promise<SeenRepomd | undefined>
  /** What was seen of each of a mirror's several architectures. */
  seenArches(mirror: string): Promise<ReadonlyMap<string, SeenRepomd>>
}

/** Reading the past of the index. */
export interface SnapshotHistory {
  /** The index as it was at a generation; undefined when there never was one of this number. */
  indexAt(generation: number): Promise<Index | undefined>
  /** The number of the generation that a moment fell into; undefined before the first. */
  generationAt(atMs: number): Promise<number | undefined>
  generations(query?: GenerationQuery): Promise<readonly Generation[]>
}

/** Changing snapshots. */
export interface SnapshotWriter {
  /**
   * Makes exactly the enabled ones of these mirrors the listed ones, with exactly these pins; all others have left the configuration.
   * @param origin of the generation that this may begin; the configuration file unless told
   * @returns the number of the new generation, when this changed the index
   * @throws PinyonError PIN_UNKNOWN for a pin to a snapshot that is not there; nothing has changed then
   */
  reconcile(
    mirrors: readonly ListedMirror[],
    nowMs: number,
    origin?: ChangeOrigin,
  ): Promise<number | undefined>
  recordSync(record: SyncRecord): Promise<void>
  /** Notes that the signature of a snapshot, or of one of its several architectures, was verified after all. */
  recordSignature(snapshot: Snapshot, signature: VerifiedSignature, arch?: string): Promise<void>
  /**
   * Publishes snapshot, packages, current and generation together, in one transaction. The embedded store blocks its thread while
   * it writes: call it where nothing is served.
   */
  publish(publication: Publication): Promise<PublishedSnapshot>
  /**
   * Retires a snapshot now, whatever retention says of it.
   * @throws PinyonError NOT_FOUND when it is not there, SNAPSHOT_IN_USE while it is current, pinned, its mirror's newest, or in a live view
   */
  retire(mirror: string, name: string, nowMs: number): Promise<void>
  /** Begins to take in snapshots of a mirror that something else than this store made. */
  adopt(mirror: string): Adoption
}

/** The first of the two storage seams: snapshots, their packages, and the index. */
export interface SnapshotStore extends SnapshotReader, SnapshotWriter {
  readonly history: SnapshotHistory
  readonly usage: UsageStore
  readonly departed: DepartedStore
  /** What pages about the farm show. */
  readonly farm: FarmReader & FarmWriter
  readonly prefetch: PrefetchStore
  readonly extras: ExtraStore
  readonly stock: StockStore
  readonly views: ViewStore
  /** Who holds on to a mirror that is to be removed. */
  readonly mirrorUse: MirrorUse
  /** Keys that were fetched. */
  readonly keys: KeyStore
  /** Metalinks and mirrorlists that were fetched. */
  readonly listings: ListingStore
  close(): Promise<void>
}
