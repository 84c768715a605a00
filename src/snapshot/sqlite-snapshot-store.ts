import type Database from 'better-sqlite3'

import type { BlobLedger } from '../cache/blob-ledger.ts'
import { openMachineClock, type MachineClock } from '../system/machine-clock.ts'
import { ACTORS } from '../model/actor.ts'
import { hashHref, openDatabase } from './database.ts'
import { SqliteHistory } from './history.ts'
import { reconcileListing } from './index-change.ts'
import { readDifferences } from './diff/differences.ts'
import { createIndex } from './index-order.ts'
import { listDirectory } from './directory.ts'
import type { DepartedStore } from './departed/departed.ts'
import { SqliteDeparted } from './departed/sqlite-departed.ts'
import type { ExtraStore } from './extras/extra-store.ts'
import { SqliteExtras } from './extras/sqlite-extras.ts'
import { SqliteFarm } from './farm/sqlite-farm.ts'
import type { MirrorUse } from './gc/removal.ts'
import type { KeyStore } from './keys/key-store.ts'
import { prepareKeys, type KeyStatements } from './keys/sql-keys.ts'
import { SqliteKeyStore } from './keys/sqlite-key-store.ts'
import type { ListingStore } from './listing/listing-store.ts'
import { SqliteListingStore } from './listing/sqlite-listing-store.ts'
import type { PrefetchStore, StockStore } from './prefetch/prefetch-store.ts'
import { SqlitePrefetch } from './prefetch/sqlite-prefetch.ts'
import { SqliteStock } from './prefetch/sqlite-stock.ts'
import { publish } from './publication.ts'
import { SqliteAdoption } from './adopt/sqlite-adoption.ts'
import { SqliteRetirement } from './gc/sqlite-retirement.ts'
import {
  toCandidateFiles,
  toFile,
  toMirrorState,
  toSeenArches,
  toSeenRepomd,
  toSnapshot,
  toSnapshotArches,
  toSnapshots,
} from './rows.ts'
import { SqliteUsage } from './usage/sqlite-usage.ts'
import { prepareDiff, type DiffStatements } from './diff/sql-diff.ts'
import { SqliteMirrorUse } from './gc/sql-removal.ts'
import { prepareReads, prepareWrites, type ReadStatements, type WriteStatements } from './sql.ts'
import { SqliteBlobLedger } from './gc/sqlite-blob-ledger.ts'
import { SqliteViews } from './views/sqlite-views.ts'
import type {
  Adoption,
  CandidateFile,
  ChangeOrigin,
  Defect,
  DirectoryEntry,
  Index,
  ListedMirror,
  MirrorState,
  Publication,
  PublishedSnapshot,
  SeenRepomd,
  Snapshot,
  SnapshotArch,
  SnapshotFile,
  SnapshotHistory,
  SnapshotStore,
  SyncRecord,
  VerifiedSignature,
} from './store.ts'
import type { UsageStore } from './usage/usage.ts'
import { StoredClock } from './views/stored-clock.ts'
import type { ViewStore } from './views/views.ts'
import type { PackageDifferences } from './diff/stored-package.ts'
import { runWrite, watchWrites, type WriteWatch } from './write-transaction.ts'

/**
 * Pages of the log from which on a serving connection moves them into the database file after all, which takes tens of milliseconds. Syncs and
 * collections, in threads and processes of their own, do so from a thousand on.
 */
const SERVING_CHECKPOINT_PAGES = 16_000

/** What a store may be told. */
export interface SnapshotStoreOptions {
  /** The machine's clocks; those of the system unless told. */
  readonly clock?: MachineClock
  /** The most views there can be at a time. */
  readonly maxViews?: number | undefined
  /** Whether requests wait for this connection's thread: then it leaves it to others to move what was written into the database file. */
  readonly isServing?: boolean
  /** Milliseconds since the epoch, for when a blob was used; the system's clock unless told. */
  readonly now?: () => number
}

/** Snapshots in one SQLite file. Reads are single look-ups of a few microseconds; see sql.ts for all of them. */
export class SqliteSnapshotStore implements SnapshotStore {
  readonly history: SnapshotHistory
  readonly usage: UsageStore
  readonly departed: DepartedStore
  readonly farm: SqliteFarm
  readonly prefetch: PrefetchStore
  readonly stock: StockStore
  readonly extras: ExtraStore
  /** The account of the blobs beside it. */
  readonly ledger: BlobLedger
  readonly views: ViewStore
  /** What the time of views is measured with. */
  readonly farmClock: StoredClock
  readonly mirrorUse: MirrorUse
  readonly keys: KeyStore
  readonly listings: ListingStore
  readonly #database: Database.Database
  readonly #reads: ReadStatements
  readonly #writes: WriteStatements
  readonly #diffs: DiffStatements
  readonly #keys: KeyStatements
  readonly #retirement: SqliteRetirement
  readonly #scratchFile: (() => string) | undefined
  #index: Index | undefined
  /** Ends when the publication before has: a connection has one scratch database. */
  #published: Promise<unknown> = Promise.resolve()

  /**
   * @param file the database; made when missing
   * @param scratchFile gives a path for each publication's scratch database; without it this store cannot publish
   */
  constructor(file: string, scratchFile?: () => string, options: SnapshotStoreOptions = {}) {
    this.#database = openDatabase(file)
    if (options.isServing === true) this.#database.pragma(`wal_autocheckpoint = ${SERVING_CHECKPOINT_PAGES}`)
    this.#reads = prepareReads(this.#database)
    this.#writes = prepareWrites(this.#database)
    this.#diffs = prepareDiff(this.#database)
    this.#keys = prepareKeys(this.#database)
    this.keys = new SqliteKeyStore(this.#database, this.#keys)
    this.listings = new SqliteListingStore(this.#database)
    this.history = new SqliteHistory(this.#database)
    this.usage = new SqliteUsage(this.#database)
    this.departed = new SqliteDeparted(this.#database, () => this.farmClock.nowMs())
    this.prefetch = new SqlitePrefetch(this.#database)
    this.farm = new SqliteFarm(this.#database, () => this.farmClock)
    this.stock = new SqliteStock(this.#database)
    this.extras = new SqliteExtras(this.#database, () => this.farmClock.nowMs())
    this.ledger = new SqliteBlobLedger(this.#database, options.now ?? Date.now)
    this.farmClock = new StoredClock(this.#database, options.clock ?? openMachineClock())
    this.views = new SqliteViews(this.#database, this.farmClock, options.maxViews)
    this.#retirement = new SqliteRetirement(this.#database, this.farmClock)
    this.mirrorUse = new SqliteMirrorUse(this.#database, () => this.farmClock.nowMs())
    this.#scratchFile = scratchFile
  }

  generation(): number {
    return this.#newestGeneration().number
  }

  async index(): Promise<Index> {
    const generation = this.#newestGeneration().number
    if (this.#index?.generation === generation) return this.#index
    // One transaction, so that the number and the rows are of one generation whatever another process commits.
    return (this.#index = this.#database.transaction(() => this.#readIndex())())
  }

  async snapshot(mirror: string, name: string): Promise<Snapshot | undefined> {
    return toSnapshot(this.#reads.snapshotByName.get({ mirror, name }))
  }

  async retiredAt(mirror: string, name: string): Promise<number | undefined> {
    return (this.#reads.retiredAt.get({ mirror, name }) as { retiredAt: number } | undefined)?.retiredAt
  }

  async retiredNames(mirror: string): Promise<readonly string[]> {
    const rows = this.#reads.retiredNames.all({ mirror }) as { name: string }[]
    return rows.map(({ name }) => name)
  }

  async retiredCount(): Promise<number> {
    return (this.#reads.retiredCount.get() as { count: number }).count
  }

  async file(snapshot: Snapshot, path: string): Promise<SnapshotFile | undefined> {
    const { id: snapshotId, mirrorId, seq } = snapshot
    const row = this.#reads.file.get({ snapshotId, mirrorId, hrefHash: hashHref(path), path, seq })
    return row === undefined ? undefined : toFile(path, row)
  }

  async rollingFile(
    snapshot: Snapshot,
    path: string,
  ): Promise<{ snapshot: Snapshot; file: SnapshotFile } | undefined> {
    const { id: snapshotId, mirrorId, seq } = snapshot
    const row = this.#reads.rollingFile.get({ snapshotId, mirrorId, hrefHash: hashHref(path), path, seq })
    if (row === undefined) return undefined
    const { seq: foundSeq } = row as { seq: number }
    const found =
      foundSeq === seq ? snapshot : toSnapshot(this.#reads.snapshotAtSeq.get({ mirrorId, seq: foundSeq }))
    return found === undefined ? undefined : { snapshot: found, file: toFile(path, row) }
  }

  async directory(snapshot: Snapshot, path: string): Promise<readonly DirectoryEntry[] | undefined> {
    return await listDirectory(this.#reads, snapshot, path)
  }

  async snapshots(mirror: string): Promise<readonly Snapshot[]> {
    return toSnapshots(this.#reads.snapshotsOfMirror.all({ mirror }))
  }

  async newest(mirror: string): Promise<Snapshot | undefined> {
    return toSnapshot(this.#reads.newestOfMirror.get({ mirror }))
  }

  async files(snapshot: Snapshot): Promise<readonly CandidateFile[]> {
    return toCandidateFiles(this.#reads.repodataFiles.all({ snapshotId: snapshot.id }))
  }

  async defects(snapshot: Snapshot): Promise<readonly Defect[]> {
    return this.#reads.defects.all({ snapshotId: snapshot.id }) as Defect[]
  }

  async arches({ id: snapshotId }: Snapshot): Promise<readonly SnapshotArch[]> {
    return toSnapshotArches(this.#reads.arches.all({ snapshotId }))
  }

  async signature({ id: snapshotId }: Snapshot, arch = ''): Promise<VerifiedSignature | undefined> {
    return this.#keys.signature.get({ snapshotId, arch }) as VerifiedSignature | undefined
  }

  async differences(from: Snapshot, to: Snapshot): Promise<PackageDifferences> {
    return this.#database.transaction(() => readDifferences(this.#diffs, from, to))()
  }

  async mirrors(): Promise<readonly MirrorState[]> {
    const read = this.#database.transaction(() => {
      const { current } = this.#readIndex()
      return this.#reads.mirrors.all().map((row) => toMirrorState(row, current))
    })
    return read()
  }

  async seenRepomd(mirror: string): Promise<SeenRepomd | undefined> {
    return toSeenRepomd(this.#reads.seenRepomd.get({ mirror }))
  }

  async seenArches(mirror: string): Promise<ReadonlyMap<string, SeenRepomd>> {
    return this.#seenArches(mirror)
  }

  async reconcile(
    mirrors: readonly ListedMirror[],
    nowMs: number,
    origin: ChangeOrigin = { actor: ACTORS.configuration },
  ): Promise<number | undefined> {
    const write = () => reconcileListing(this.#writes, mirrors, nowMs, origin)
    return await runWrite(this.#database, write, { durable: true })
  }

  async recordSync(record: SyncRecord): Promise<void> {
    const { mirror, checkedAt, error = null, seen, seenArches = new Map<string, SeenRepomd>() } = record
    const write = () => {
      this.#writes.addMirror.run({ name: mirror })
      this.#writes.recordSync.run({ mirror, checkedAt, error })
      if (seenArches.size > 0) {
        const all = Object.fromEntries([...this.#seenArches(mirror), ...seenArches])
        this.#writes.recordSeenArches.run({ mirror, seen: JSON.stringify(all) })
      }
      if (seen === undefined) return
      const { baseurl, named = null, etag = null, lastModified = null, digest } = seen
      this.#writes.recordSeen.run({ mirror, baseurl, named, etag, lastModified, digest })
    }
    await runWrite(this.#database, write, { durable: false })
  }

  async recordSignature(
    { id: snapshotId }: Snapshot,
    signature: VerifiedSignature,
    arch = '',
  ): Promise<void> {
    const write = () => this.#writes.addSignature.run({ snapshotId, arch, ...signature })
    await runWrite(this.#database, write, { durable: false })
  }

  async publish(publication: Publication): Promise<PublishedSnapshot> {
    if (this.#scratchFile === undefined) throw new Error('this store was opened without a scratch file')
    const scratchFile = this.#scratchFile()
    const context = { database: this.#database, reads: this.#reads, writes: this.#writes, scratchFile }
    const published = this.#published.then(() => publish(context, publication))
    this.#published = published.catch(() => undefined)
    return await published
  }

  async retire(mirror: string, name: string, nowMs: number): Promise<void> {
    await this.#retirement.retire(mirror, name, nowMs)
  }

  adopt(mirror: string): Adoption {
    if (this.#scratchFile === undefined) throw new Error('this store was opened without a scratch file')
    const scratchFile = this.#scratchFile
    const context = { database: this.#database, reads: this.#reads, writes: this.#writes, scratchFile }
    return new SqliteAdoption(context, mirror)
  }

  /** Has somebody hear of the writes of this process's own connection. */
  watchWrites(watch: WriteWatch): void {
    watchWrites(this.#database, watch)
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #seenArches(mirror: string): ReadonlyMap<string, SeenRepomd> {
    const row = this.#reads.seenArches.get({ mirror }) as { seen: string | null } | undefined
    return toSeenArches(row?.seen ?? null)
  }

  #readIndex(): Index {
    return createIndex(this.#newestGeneration(), toSnapshots(this.#reads.currentSnapshots.all()))
  }

  #newestGeneration(): { number: number; createdAt: number } {
    const newest = this.#reads.generation.get() as { number: number; createdAt: number } | undefined
    return newest ?? { number: 0, createdAt: 0 }
  }
}
