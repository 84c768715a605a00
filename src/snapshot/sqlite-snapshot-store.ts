import type Database from 'better-sqlite3'

import { ACTORS } from '../model/actor.ts'
import { hashHref, openDatabase } from './database.ts'
import { SqliteHistory } from './history.ts'
import { reconcileListing } from './index-change.ts'
import { createIndex } from './index-order.ts'
import { listDirectory } from './directory.ts'
import type { MirrorUse } from './removal.ts'
import { publish } from './publication.ts'
import { toCandidateFiles, toFile, toMirrorState, toSeenRepomd, toSnapshot, toSnapshots } from './rows.ts'
import { SqliteMirrorUse } from './sql-removal.ts'
import { prepareReads, prepareWrites, type ReadStatements, type WriteStatements } from './sql.ts'
import type {
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
  SnapshotFile,
  SnapshotHistory,
  SnapshotStore,
  SyncRecord,
} from './store.ts'
import { runWrite } from './write-transaction.ts'

/** Snapshots in one SQLite file. Reads are single look-ups of a few microseconds; see sql.ts for all of them. */
export class SqliteSnapshotStore implements SnapshotStore {
  readonly history: SnapshotHistory
  readonly mirrorUse: MirrorUse
  readonly #database: Database.Database
  readonly #reads: ReadStatements
  readonly #writes: WriteStatements
  readonly #scratchFile: (() => string) | undefined
  #index: Index | undefined
  /** Ends when the publication before has: a connection has one scratch database. */
  #published: Promise<unknown> = Promise.resolve()

  /**
   * @param file the database; made when missing
   * @param scratchFile gives a path for each publication's scratch database; without it this store cannot publish
   */
  constructor(file: string, scratchFile?: () => string) {
    this.#database = openDatabase(file)
    this.#reads = prepareReads(this.#database)
    this.#writes = prepareWrites(this.#database)
    this.history = new SqliteHistory(this.#database)
    this.mirrorUse = new SqliteMirrorUse(this.#database)
    this.#scratchFile = scratchFile
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

  async file(snapshot: Snapshot, path: string): Promise<SnapshotFile | undefined> {
    const repodata = this.#reads.repodataFile.get({ snapshotId: snapshot.id, path })
    if (repodata !== undefined) return toFile(path, 'repodata', repodata)
    const { mirrorId, seq } = snapshot
    const listed = this.#reads.packageFile.get({ mirrorId, hrefHash: hashHref(path), path, seq })
    return listed === undefined ? undefined : toFile(path, 'package', listed)
  }

  async rollingFile(
    snapshot: Snapshot,
    path: string,
  ): Promise<{ snapshot: Snapshot; file: SnapshotFile } | undefined> {
    const now = await this.file(snapshot, path)
    if (now !== undefined) return { snapshot, file: now }
    const { mirrorId, seq } = snapshot
    const repodata = this.#reads.rollingRepodataFile.get({ mirrorId, path, seq })
    const row =
      repodata ?? this.#reads.rollingPackageFile.get({ mirrorId, hrefHash: hashHref(path), path, seq })
    if (row === undefined) return undefined
    const found = toSnapshot(this.#reads.snapshotAtSeq.get({ mirrorId, seq: (row as { seq: number }).seq }))
    if (found === undefined) return undefined
    return { snapshot: found, file: toFile(path, repodata === undefined ? 'package' : 'repodata', row) }
  }

  async directory(snapshot: Snapshot, path: string): Promise<readonly DirectoryEntry[] | undefined> {
    return await listDirectory(this.#reads, snapshot, path)
  }

  async snapshots(mirror: string): Promise<readonly Snapshot[]> {
    return toSnapshots(this.#reads.snapshotsOfMirror.all({ mirror }))
  }

  async files(snapshot: Snapshot): Promise<readonly CandidateFile[]> {
    return toCandidateFiles(this.#reads.repodataFiles.all({ snapshotId: snapshot.id }))
  }

  async defects(snapshot: Snapshot): Promise<readonly Defect[]> {
    return this.#reads.defects.all({ snapshotId: snapshot.id }) as Defect[]
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

  async reconcile(
    mirrors: readonly ListedMirror[],
    nowMs: number,
    origin: ChangeOrigin = { actor: ACTORS.configuration },
  ): Promise<number | undefined> {
    const write = () => reconcileListing(this.#writes, mirrors, nowMs, origin)
    return await runWrite(this.#database, write, { durable: true })
  }

  async recordSync(record: SyncRecord): Promise<void> {
    const { mirror, checkedAt, error = null, seen } = record
    const write = () => {
      this.#writes.addMirror.run({ name: mirror })
      this.#writes.recordSync.run({ mirror, checkedAt, error })
      if (seen === undefined) return
      const { baseurl, etag = null, lastModified = null, digest } = seen
      this.#writes.recordSeen.run({ mirror, baseurl, etag, lastModified, digest })
    }
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

  async close(): Promise<void> {
    this.#database.close()
  }

  #readIndex(): Index {
    return createIndex(this.#newestGeneration(), toSnapshots(this.#reads.currentSnapshots.all()))
  }

  #newestGeneration(): { number: number; createdAt: number } {
    const newest = this.#reads.generation.get() as { number: number; createdAt: number } | undefined
    return newest ?? { number: 0, createdAt: 0 }
  }
}
