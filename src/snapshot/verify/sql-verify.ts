import type Database from 'better-sqlite3'

import { LIVE, prepareAll, type Prepared } from '../sql.ts'

// Statements that hold what is stored against what snapshots list. Digests that are asked about stand in temp.suspect.

/** The newest snapshot of a package row's span, and how many there are. */
const SPAN = `FROM snapshot s WHERE s.mirror_id = p.mirror_id AND ${LIVE} AND s.seq >= p.first_seq
  AND (p.last_seq IS NULL OR s.seq <= p.last_seq)`

const VERIFY = {
  blobCount: 'SELECT count, bytes FROM blob_total',
  blobsUnder: 'SELECT digest FROM blob WHERE digest >= :from AND digest < :to',
  blobPrefixes: `SELECT DISTINCT substr(digest, 1, instr(digest, ':') + 2) AS prefix FROM blob`,
  blob: 'SELECT 1 FROM blob WHERE digest = :digest',
  absentRepodata: `SELECT DISTINCT f.digest FROM repodata_file f JOIN snapshot s ON s.id = f.snapshot_id
    WHERE ${LIVE} AND f.digest IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.digest = f.digest)`,
  suspect: 'INSERT INTO temp.suspect (digest) VALUES (:digest) ON CONFLICT DO NOTHING',
  repodata: `SELECT f.digest, m.name AS mirror, max(s.name) AS snapshot, count(*) AS snapshots, f.path, 'repodata' AS kind
    FROM temp.suspect x CROSS JOIN repodata_file f ON f.digest = x.digest
    JOIN snapshot s ON s.id = f.snapshot_id JOIN mirror m ON m.id = s.mirror_id WHERE ${LIVE}
    GROUP BY f.digest, m.name, f.path`,
  packages: `SELECT digest, mirror, snapshot, snapshots, path, 'package' AS kind FROM (
      SELECT p.digest, m.name AS mirror, p.href AS path, (SELECT max(s.name) ${SPAN}) AS snapshot, (SELECT count(*) ${SPAN}) AS snapshots
      FROM package p JOIN mirror m ON m.id = p.mirror_id
      WHERE p.digest IN (SELECT digest FROM temp.suspect)) WHERE snapshots > 0`,
} as const

export type VerifyStatements = Prepared<typeof VERIFY>

/** Prepares what a verification asks; makes its temporary table. */
export function prepareVerify(database: Database.Database): VerifyStatements {
  database.exec(`PRAGMA temp_store = MEMORY;
    CREATE TEMPORARY TABLE suspect (digest TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID`)
  return prepareAll(database, VERIFY)
}
