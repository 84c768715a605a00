import type Database from 'better-sqlite3'

import type { SnapshotPlace } from '../departed/departed.ts'
import { runWrite } from '../write-transaction.ts'
import { pagesOf } from './package-pages.ts'
import type { PackageQuery, PrefetchProgress, PrefetchStore, StoredPackage } from './prefetch-store.ts'
import { preparePrefetch, type PrefetchStatements } from './sql-prefetch.ts'

/** What fetching ahead remembers, in the snapshots' database. */
export class SqlitePrefetch implements PrefetchStore {
  readonly #database: Database.Database
  readonly #statements: PrefetchStatements

  constructor(database: Database.Database) {
    this.#database = database
    this.#statements = preparePrefetch(database)
  }

  async progress(mirror: string): Promise<PrefetchProgress> {
    const row = this.#statements.progress.get({ mirror }) as
      { seq: number | null; policy: string | null } | undefined
    return { seq: row?.seq ?? undefined, policy: row?.policy ?? undefined }
  }

  async setProgress(mirror: string, { seq, policy }: { seq: number; policy: string }): Promise<void> {
    const write = () => this.#statements.setProgress.run({ mirror, seq, policy })
    await runWrite(this.#database, write, { durable: false })
  }

  async *packages(
    snapshot: SnapshotPlace,
    { newerThan, isAll = false, askedSince }: PackageQuery = {},
  ): AsyncIterable<readonly StoredPackage[]> {
    const { mirror, mirrorId, seq } = snapshot
    const of = {
      seq,
      newerThan: newerThan ?? null,
      isAll: isAll ? 1 : 0,
      askedSince: askedSince ?? null,
    }
    // Of a mirror that nobody uses no row need be looked at.
    if (askedSince !== undefined && this.#statements.isAnyAsked.get({ mirrorId, askedSince }) === undefined)
      return
    const pages = pagesOf(
      this.#statements,
      mirrorId,
      (bounds) => this.#statements.packages.all({ ...bounds, ...of }) as PackageRow[],
    )
    for await (const rows of pages)
      yield rows.map((row) => ({
        ...row,
        mirror,
        size: row.size ?? undefined,
        askedAt: row.askedAt ?? undefined,
        isCached: row.isCached === 1,
      }))
  }
}

type PackageRow = Omit<StoredPackage, 'size' | 'askedAt' | 'mirror' | 'isCached'> & {
  readonly isCached: number
  readonly size: number | null
  readonly askedAt: number | null
}
