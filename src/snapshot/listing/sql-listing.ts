import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'

const LISTINGS = {
  find: `SELECT url, body, etag, last_modified AS lastModified, reach, fetched_at AS fetchedAt, checked_at AS checkedAt
    FROM mirror_list WHERE url = :url`,
  keep: `INSERT INTO mirror_list (url, body, etag, last_modified, reach, fetched_at, checked_at)
    VALUES (:url, :body, :etag, :lastModified, :reach, :fetchedAt, :checkedAt)
    ON CONFLICT (url) DO UPDATE SET body = excluded.body, etag = excluded.etag, last_modified = excluded.last_modified,
      reach = excluded.reach, fetched_at = excluded.fetched_at, checked_at = excluded.checked_at`,
  urls: 'SELECT url FROM mirror_list',
  checkedAfter: 'SELECT url, checked_at AS checkedAt FROM mirror_list WHERE checked_at > :ms',
  forget: 'DELETE FROM mirror_list WHERE url = :url',
} as const

export type ListingStatements = Prepared<typeof LISTINGS>

/** Prepares what lists of mirrors need. */
export function prepareListings(database: Database.Database): ListingStatements {
  return prepareAll(database, LISTINGS)
}
