import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'

const KEYS = {
  find: `SELECT url, keys, first_at AS firstAt, checked_at AS checkedAt, strangers FROM key_source WHERE url = :url`,
  add: `INSERT INTO key_source (url, keys, first_at, checked_at, strangers)
    VALUES (:url, :keys, :firstAt, :checkedAt, :strangers) ON CONFLICT (url) DO NOTHING`,
  renew: `UPDATE key_source SET keys = :keys, checked_at = :checkedAt, strangers = :strangers WHERE url = :url`,
  urls: 'SELECT url FROM key_source',
  forget: 'DELETE FROM key_source WHERE url = :url',
  signature: `SELECT fingerprint, primary_fingerprint AS "primary", owner, hash, signed_at AS signedAt,
    verified_at AS verifiedAt FROM snapshot_signature WHERE snapshot_id = :snapshotId AND arch = :arch`,
} as const

export type KeyStatements = Prepared<typeof KEYS>

/** Prepares what keys and signatures need. */
export function prepareKeys(database: Database.Database): KeyStatements {
  return prepareAll(database, KEYS)
}
