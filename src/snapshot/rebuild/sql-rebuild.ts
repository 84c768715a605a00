import type Database from 'better-sqlite3'

import type { Row } from '../inventory/inventory-format.ts'
import { FORGET_SEEN, prepareAll, type Prepared } from '../sql.ts'

// Statements that put back what an inventory tells of.

const REBUILD = {
  addGeneration: `INSERT INTO generation (number, created_at, cause, actor, why)
    VALUES (:number, :created_at, :cause, :actor, :why) ON CONFLICT DO NOTHING`,
  closeSpan: `UPDATE current_span SET last_generation = :generation - 1
    WHERE mirror_id = :mirrorId AND last_generation IS NULL`,
  openSpan: `INSERT INTO current_span (mirror_id, first_generation, snapshot_id)
    VALUES (:mirrorId, :generation, :snapshotId)`,
  addBlob: 'INSERT INTO blob (digest, size, used_at) VALUES (:digest, :size, :usedAt)',
  blobTotal: 'SELECT count, bytes FROM blob_total',
  // What upstream showed last may be in no snapshot then: to be asked for without conditions.
  forgetSeen: FORGET_SEEN,
} as const

export type RebuildStatements = Prepared<typeof REBUILD>

/** Prepares what a rebuild writes. */
export function prepareRebuild(database: Database.Database): RebuildStatements {
  return prepareAll(database, REBUILD)
}

/**
 * Inserts a row that an inventory tells of: the columns that the table has, of those that the row has.
 * @returns its rowid
 * @throws what SQLite says to a value that the table does not take
 */
export function insertRow(database: Database.Database, table: string, row: Row): number {
  const columns = (database.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name)
  const own = columns.filter((name) => row[name] !== undefined)
  const statement = `INSERT INTO ${table} (${own.join(', ')}) VALUES (${own.map((name) => `:${name}`).join(', ')})`
  return Number(database.prepare(statement).run(row).lastInsertRowid)
}
