import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'

// The statements of the account of blobs, but for those that collect garbage (sql-gc.ts).

const BLOBS = {
  total: 'SELECT count, bytes FROM blob_total',
  find: 'SELECT size, used_at AS usedAt FROM blob WHERE digest = :digest',
  add: `INSERT INTO blob (digest, size, used_at) VALUES (:digest, :size, :atMs)
    ON CONFLICT (digest) DO UPDATE SET used_at = max(used_at, excluded.used_at)`,
  remove: 'DELETE FROM blob WHERE digest = :digest',
  touch: 'UPDATE blob SET used_at = :atMs WHERE digest = :digest AND used_at < :atMs',
} as const

export type BlobStatements = Prepared<typeof BLOBS>

/** Prepares what the account of blobs is kept with. */
export function prepareBlobs(database: Database.Database): BlobStatements {
  return prepareAll(database, BLOBS)
}
