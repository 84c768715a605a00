import type Database from 'better-sqlite3'

import { prepareFarm, type FarmStatements } from '../farm/sql-farm.ts'
import { prepareGc, type GcStatements } from '../gc/sql-gc.ts'
import { prepareAll, type Prepared } from '../sql.ts'

// Statements that find what somebody holds alone. Holders are numbers; 0 stands for whatever else keeps a snapshot.

/** In what snapshots, of those that stay, a package row `p` is. */
const LISTING = `temp.holding h WHERE h.mirror_id = p.mirror_id AND h.seq >= p.first_seq
  AND h.seq <= coalesce(p.last_seq, 9007199254740991)`

const SOLE = {
  hold: 'INSERT INTO temp.holding (mirror_id, seq, snapshot_id, holder) VALUES (:mirrorId, :seq, :snapshotId, :holder)',
  noteUniform: `INSERT INTO temp.uniform SELECT h.mirror_id, min(h.holder) FROM temp.holding h
    JOIN main.mirror m ON m.id = h.mirror_id WHERE m.unswept = 0 GROUP BY h.mirror_id HAVING min(h.holder) = max(h.holder)`,
  live: 'SELECT mirror_id AS mirrorId, seq, id AS snapshotId FROM main.snapshot WHERE retired_at IS NULL',
  viewAt: 'SELECT name FROM main.view WHERE generation = :generation AND expires_at > :farmNowMs LIMIT 1',
  heldPackages: `SELECT holder, CAST(group_concat('-' || digest) AS BLOB) AS rows FROM (
      SELECT p.digest, CASE WHEN u.mirror_id IS NOT NULL THEN u.holder
        WHEN EXISTS (SELECT 1 FROM ${LISTING} AND h.holder = 0) THEN 0
        ELSE (SELECT iif(min(h.holder) = max(h.holder), min(h.holder), 0) FROM ${LISTING}) END AS holder
      FROM main.package p LEFT JOIN temp.uniform u ON u.mirror_id = p.mirror_id WHERE p.id BETWEEN :from AND :to)
    WHERE holder IS NOT NULL GROUP BY holder`,
  heldFiles: `SELECT h.holder, CAST(group_concat('-' || f.digest) AS BLOB) AS rows FROM temp.holding h
    JOIN main.repodata_file f ON f.snapshot_id = h.snapshot_id
    WHERE h.mirror_id = :mirrorId AND f.digest IS NOT NULL GROUP BY h.holder`,
  heldExtras: `SELECT h.holder, CAST(group_concat('-' || f.digest) AS BLOB) AS rows FROM temp.holding h
    JOIN main.extra_file f ON f.snapshot_id = h.snapshot_id WHERE h.mirror_id = :mirrorId GROUP BY h.holder`,
} as const

const CREATE_HOLDING = `
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -16384;
  CREATE TEMP TABLE holding (
    mirror_id INTEGER NOT NULL, seq INTEGER NOT NULL, snapshot_id INTEGER NOT NULL, holder INTEGER NOT NULL,
    PRIMARY KEY (mirror_id, seq)
  ) WITHOUT ROWID;
  CREATE TEMP TABLE uniform (mirror_id INTEGER PRIMARY KEY, holder INTEGER NOT NULL)`

export type SoleStatements = Prepared<typeof SOLE> & {
  readonly gc: GcStatements
  readonly farm: FarmStatements
}

/** Prepares what finding that needs, on a connection of its own. */
export function prepareSole(database: Database.Database): SoleStatements {
  database.exec(CREATE_HOLDING)
  return { ...prepareAll(database, SOLE), gc: prepareGc(database), farm: prepareFarm(database) }
}
