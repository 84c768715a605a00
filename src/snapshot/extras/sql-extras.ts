import type Database from 'better-sqlite3'

import { HELD } from '../departed/sql-departed.ts'
import { prepareAll, type Prepared } from '../sql.ts'

// Statements about files beside the packages. Of snapshots that were retired there are no rows.

const EXTRA = 'x.path, x.digest, x.size, s.mirror_id AS mirrorId, s.arches'
const IS_CACHED = 'EXISTS (SELECT 1 FROM blob b WHERE b.digest = x.digest)'
/** The newest snapshot of the mirror does not list it. */
const HAS_LEFT = `NOT EXISTS (SELECT 1 FROM extra_file n WHERE n.snapshot_id = (SELECT id FROM snapshot
  WHERE mirror_id = s.mirror_id ORDER BY seq DESC LIMIT 1) AND n.path = x.path AND n.digest = x.digest)`

const EXTRAS = {
  mirrorId: 'SELECT id FROM mirror WHERE name = :mirror',
  counts: `SELECT count(*) AS listed, coalesce(sum(${IS_CACHED}), 0) AS cached,
    coalesce(sum(NOT ${IS_CACHED} AND ${HAS_LEFT}), 0) AS atRisk,
    (SELECT count(*) FROM repodata_file f WHERE f.snapshot_id = :snapshotId AND f.type = 'extra') AS pinned
    FROM extra_file x JOIN snapshot s ON s.id = x.snapshot_id WHERE x.snapshot_id = :snapshotId`,
  list: `SELECT path, digest, size, stated_by AS statedBy FROM extra_file
    WHERE snapshot_id = :snapshotId ORDER BY path`,
  statedBy: `SELECT stated_by AS statedBy FROM extra_file WHERE snapshot_id = :snapshotId AND path = :path
    UNION ALL SELECT 'capture' FROM repodata_file WHERE snapshot_id = :snapshotId AND path = :path AND type = 'extra'`,
  missing: `SELECT ${EXTRA}, s.seq FROM extra_file x JOIN snapshot s ON s.id = x.snapshot_id
    WHERE x.snapshot_id = :snapshotId AND NOT ${IS_CACHED} AND NOT EXISTS (
      SELECT 1 FROM extra_file o JOIN snapshot e ON e.id = o.snapshot_id
      WHERE e.mirror_id = s.mirror_id AND e.seq = :newerThan AND o.path = x.path AND o.digest = x.digest)
    ORDER BY x.path`,
  atRisk: `SELECT ${EXTRA}, max(s.seq) AS seq FROM snapshot s JOIN extra_file x ON x.snapshot_id = s.id
    WHERE s.mirror_id = :mirrorId AND (:heldAtMs IS NULL OR s.seq IN (${HELD})) AND NOT ${IS_CACHED} AND ${HAS_LEFT}
    GROUP BY x.path, x.digest ORDER BY x.path`,
  problems: `SELECT m.name AS mirror, d.path, d.message FROM current_span c JOIN mirror m ON m.id = c.mirror_id
    JOIN defect d ON d.snapshot_id = c.snapshot_id AND d.kind = 'extra'
    WHERE c.last_generation IS NULL ORDER BY m.name, d.path`,
} as const

export type ExtraStatements = Prepared<typeof EXTRAS>

/** Prepares what is asked about files beside the packages. */
export function prepareExtras(database: Database.Database): ExtraStatements {
  return prepareAll(database, EXTRAS)
}
