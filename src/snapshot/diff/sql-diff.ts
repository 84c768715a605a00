import type Database from 'better-sqlite3'

import { LIVE, prepareAll, SNAPSHOT, type Prepared } from '../sql.ts'

// Statements that compare two snapshots. :names is a list of names and architectures as JSON. Both look at every row of the mirror: an index of what changed would be paid for by each sync.

const COLUMNS = 'p.name, p.epoch, p.version, p.release, p.arch, p.href, p.digest, p.size, p.source'
const IN_FROM = '(p.first_seq <= :fromSeq AND (p.last_seq IS NULL OR p.last_seq >= :fromSeq))'
const IN_TO = '(p.first_seq <= :toSeq AND (p.last_seq IS NULL OR p.last_seq >= :toSeq))'

const DIFF = {
  changedPackages: `SELECT ${COLUMNS}, ${IN_TO} AS come FROM package p
    WHERE p.mirror_id = :mirrorId AND ${IN_FROM} <> ${IN_TO}`,
  keptPackages: `SELECT ${COLUMNS} FROM package p
    WHERE p.mirror_id = :mirrorId AND ${IN_FROM} AND ${IN_TO} AND (p.name, p.arch) IN (
      SELECT value ->> 0, value ->> 1 FROM json_each(:names))`,
} as const

/** What a thread that only compares reads beside: the same as the store's, of which it loads nothing. */
const READS = {
  snapshotByName: `SELECT ${SNAPSHOT} FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE m.name = :mirror AND s.name = :name AND ${LIVE}`,
  repodataFiles: `SELECT path, type, digest, size FROM repodata_file WHERE snapshot_id = :snapshotId ORDER BY path`,
} as const

export type DiffStatements = Prepared<typeof DIFF>
export type DiffReadStatements = Prepared<typeof READS>

/** Prepares what two snapshots are compared with. */
export function prepareDiff(database: Database.Database): DiffStatements {
  return prepareAll(database, DIFF)
}

/** Prepares what is read of two snapshots themselves. */
export function prepareDiffReads(database: Database.Database): DiffReadStatements {
  return prepareAll(database, READS)
}
