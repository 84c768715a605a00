import Database from 'better-sqlite3'

import { BUSY_TIMEOUT_MS } from '../database.ts'
import { toCandidateFiles, toSnapshot } from '../rows.ts'
import type { CandidateFile, Snapshot } from '../store.ts'
import { readDifferences } from './differences.ts'
import type { DiffStore } from './snapshot-diff.ts'
import { prepareDiff, prepareDiffReads, type DiffReadStatements, type DiffStatements } from './sql-diff.ts'
import type { PackageDifferences } from './stored-package.ts'

/**
 * What comparing two snapshots reads, and no more: most of the time that a comparison takes in a thread of its own would go into loading the
 * whole store. Read-only, so that it waits for no writer.
 */
export class SqliteDiffStore implements DiffStore {
  readonly #database: Database.Database
  readonly #diffs: DiffStatements
  readonly #reads: DiffReadStatements

  /** @param file the database of a store that is open */
  constructor(file: string) {
    this.#database = new Database(file, { readonly: true, timeout: BUSY_TIMEOUT_MS })
    this.#diffs = prepareDiff(this.#database)
    this.#reads = prepareDiffReads(this.#database)
  }

  /** See SnapshotReader, as for the others. */
  async snapshot(mirror: string, name: string): Promise<Snapshot | undefined> {
    return toSnapshot(this.#reads.snapshotByName.get({ mirror, name }))
  }

  async files({ id }: Snapshot): Promise<readonly CandidateFile[]> {
    return toCandidateFiles(this.#reads.repodataFiles.all({ snapshotId: id }))
  }

  async differences(from: Snapshot, to: Snapshot): Promise<PackageDifferences> {
    return this.#database.transaction(() => readDifferences(this.#diffs, from, to))()
  }

  close(): void {
    this.#database.close()
  }
}
