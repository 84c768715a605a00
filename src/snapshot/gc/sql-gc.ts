import type Database from 'better-sqlite3'

import { FORGET_SEEN } from '../sql.ts'

// The statements that decide and carry out what is no longer kept.

/** No generation is that late: the end of a span that is still open. */
const OPEN_END = 9007199254740991

/** A package row `p` that no snapshot lists any more. */
const DEAD = `NOT EXISTS (SELECT 1 FROM snapshot s WHERE s.mirror_id = p.mirror_id AND s.retired_at IS NULL
  AND s.seq >= p.first_seq AND (p.last_seq IS NULL OR s.seq <= p.last_seq))`

/** Mirrors of which it is known that upstream has what their newest snapshot lists: of one that was adopted since the last look it is not. */
const FOLLOWED = `SELECT m.id FROM main.mirror m WHERE m.listed = 1 AND m.error IS NULL AND m.succeeded_at >= coalesce((
  SELECT s.adopted_at FROM main.snapshot s WHERE s.mirror_id = m.id AND s.retired_at IS NULL ORDER BY s.seq DESC LIMIT 1), 0)`

/** Of a snapshot `s`: whether the index names it now. */
const IS_CURRENT = `EXISTS (SELECT 1 FROM current_span c WHERE c.mirror_id = s.mirror_id AND c.last_generation IS NULL
        AND c.snapshot_id = s.id)`

/** Of a snapshot `s` of a mirror `m` that is out of the index: whether that named it last. */
const WAS_CURRENT = `(m.listed = 0 AND s.id IS (SELECT c.snapshot_id FROM current_span c WHERE c.mirror_id = s.mirror_id
        ORDER BY c.first_generation DESC LIMIT 1))`

/** Of a snapshot `s`: the live views that hold it. */
const VIEWS = `(SELECT count(DISTINCT v.name) FROM current_span c JOIN view v
        ON v.generation BETWEEN c.first_generation AND coalesce(c.last_generation, ${OPEN_END})
        WHERE c.mirror_id = s.mirror_id AND c.snapshot_id = s.id AND v.expires_at > :farmNowMs)`

const GC = {
  mirrors: `SELECT id, name, removed_at AS removedAt, unswept FROM mirror ORDER BY name`,
  // What model/retention.ts looks at, newest first.
  facts: `SELECT s.id, s.name, coalesce(s.adopted_at, s.created_at) AS createdAt, s.package_count AS packages,
      ${IS_CURRENT} AS isCurrent,
      ${WAS_CURRENT} AS wasCurrent,
      m.pin_id IS s.id AS isPinned,
      ${VIEWS} AS views,
      EXISTS (SELECT 1 FROM current_span c WHERE c.mirror_id = s.mirror_id AND c.snapshot_id = s.id
        AND coalesce(c.last_generation, ${OPEN_END}) >= (SELECT max(number) FROM generation) - :grace) AS isInGrace,
      (SELECT u.last_seen FROM snapshot_usage u WHERE u.snapshot_id = s.id) AS usedAt
    FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE s.mirror_id = :mirrorId AND s.retired_at IS NULL ORDER BY s.seq DESC`,
  retire: 'UPDATE snapshot SET retired_at = :nowMs WHERE id = :id AND retired_at IS NULL',
  forgetFiles: 'DELETE FROM repodata_file WHERE snapshot_id = :id',
  forgetDefects: 'DELETE FROM defect WHERE snapshot_id = :id',
  // What upstream showed last is then in no snapshot: to be asked for without conditions.
  forgetSeen: FORGET_SEEN,
  markUnswept: 'UPDATE mirror SET unswept = 1 WHERE id = :mirrorId',
  markSwept: 'UPDATE mirror SET unswept = 0 WHERE id = :mirrorId',
  unswept: 'SELECT 1 FROM mirror WHERE unswept = 1 LIMIT 1',
  deadPackages: `SELECT p.id FROM package p WHERE p.mirror_id = :mirrorId AND ${DEAD}`,
  // Looked at once more: of a mirror without any snapshot a publication may have brought rows back to life.
  forgetPackage: `DELETE FROM package AS p WHERE p.id = :id AND ${DEAD}`,
  // Changes whenever a blob may have become one that must not go: a publication, or what is known of an upstream.
  token: `SELECT (SELECT coalesce(max(id), 0) FROM snapshot) || ' ' || (SELECT coalesce(max(id), 0) FROM package) || ' ' ||
    coalesce((SELECT group_concat(id || ':' || listed || ':' || (error IS NULL), ' ') FROM mirror), '') AS token`,
  blobsUnder: 'SELECT digest FROM blob WHERE digest >= :from AND digest < :to',
  blobPrefixes: "SELECT DISTINCT substr(digest, 1, instr(digest, ':') + 2) AS prefix FROM blob",
  addBlob: 'INSERT INTO blob (digest, size, used_at) VALUES (:digest, :size, :atMs) ON CONFLICT DO NOTHING',
  forgetBlob: 'DELETE FROM blob WHERE digest = :digest',
  // Not one that was used since it was chosen.
  removeBlob: 'DELETE FROM blob WHERE digest = :digest AND used_at = :usedAt',
  total: 'SELECT count, bytes FROM blob_total',
} as const

/** The scan of what the blobs are for, in temporary tables of one connection. */
const SCAN = {
  clearLive: 'DELETE FROM temp.live_snapshot',
  fillLive: `INSERT INTO temp.live_snapshot (mirror_id, seq, id)
    SELECT mirror_id, seq, id FROM main.snapshot WHERE retired_at IS NULL`,
  dropLive: 'DELETE FROM temp.live_snapshot WHERE id = :id',
  clearListed: 'DELETE FROM temp.listed',
  // Fetchable: some mirror that is followed, and was reached at the last look, has it in its newest snapshot. Sorted, they are added faster.
  listPackages: `INSERT INTO temp.listed (digest, size, fetchable, repodata)
    SELECT p.digest, max(b.size), max(p.last_seq IS NULL AND p.mirror_id IN (${FOLLOWED})), 0
    FROM main.package p CROSS JOIN main.blob b ON b.digest = p.digest
    WHERE :all OR EXISTS (SELECT 1 FROM temp.live_snapshot s WHERE s.mirror_id = p.mirror_id
      AND s.seq >= p.first_seq AND (p.last_seq IS NULL OR s.seq <= p.last_seq))
    GROUP BY p.digest`,
  listRepodata: `INSERT INTO temp.listed (digest, size, fetchable, repodata)
    SELECT f.digest, b.size, 0, 1
    FROM main.repodata_file f CROSS JOIN temp.live_snapshot s ON s.id = f.snapshot_id CROSS JOIN main.blob b ON b.digest = f.digest
    WHERE true
    ON CONFLICT (digest) DO UPDATE SET fetchable = 0, repodata = 1`,
  unlisted: `SELECT b.digest, b.size, b.used_at AS usedAt FROM main.blob b
    WHERE b.used_at < :before AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.digest = b.digest)`,
  evictable: `SELECT b.digest, b.size, b.used_at AS usedAt FROM main.blob b JOIN temp.listed l ON l.digest = b.digest
    WHERE l.fetchable = 1 AND l.repodata = 0 ORDER BY b.used_at, b.digest`,
  classes: `SELECT CASE WHEN repodata = 1 THEN 'repodata' WHEN fetchable = 1 THEN 'fetchable' ELSE 'only_here' END AS class,
      count(*) AS count, sum(size) AS bytes FROM temp.listed GROUP BY 1`,
} as const

const CREATE_SCAN = `
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -16384;
  CREATE TEMP TABLE live_snapshot (
    mirror_id INTEGER NOT NULL, seq INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (mirror_id, seq)
  ) WITHOUT ROWID;
  CREATE INDEX temp.live_snapshot_id ON live_snapshot (id);
  CREATE TEMP TABLE listed (
    digest TEXT NOT NULL PRIMARY KEY, size INTEGER NOT NULL, fetchable INTEGER NOT NULL, repodata INTEGER NOT NULL
  ) WITHOUT ROWID`

type Prepared<Sql> = Readonly<Record<keyof Sql, Database.Statement>>

export type GcStatements = Prepared<typeof GC> & Prepared<typeof SCAN>

/** Prepares what collecting garbage needs, on a connection of its own. */
export function prepareGc(database: Database.Database): GcStatements {
  database.exec(CREATE_SCAN)
  const prepared = Object.entries({ ...GC, ...SCAN }).map(([name, text]) => [name, database.prepare(text)])
  return Object.fromEntries(prepared) as GcStatements
}

const RETIREMENT = {
  held: `SELECT s.id, s.mirror_id AS mirrorId, ${IS_CURRENT} OR ${WAS_CURRENT} AS isCurrent, m.pin_id IS s.id AS isPinned, ${VIEWS} AS views,
      NOT EXISTS (SELECT 1 FROM snapshot n WHERE n.mirror_id = s.mirror_id AND n.retired_at IS NULL AND n.seq > s.seq) AS isNewest
    FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE m.name = :mirror AND s.name = :name AND s.retired_at IS NULL`,
  retire: GC.retire,
  forgetFiles: GC.forgetFiles,
  forgetDefects: GC.forgetDefects,
  markUnswept: GC.markUnswept,
} as const

export type RetirementStatements = Prepared<typeof RETIREMENT>

/** Prepares what retiring a single snapshot needs. */
export function prepareRetirement(database: Database.Database): RetirementStatements {
  const prepared = Object.entries(RETIREMENT).map(([name, text]) => [name, database.prepare(text)])
  return Object.fromEntries(prepared) as RetirementStatements
}
