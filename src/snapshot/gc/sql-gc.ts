import type Database from 'better-sqlite3'

import { FORGET_SEEN, prepareAll, type Prepared } from '../sql.ts'

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
  forgetExtras: 'DELETE FROM extra_file WHERE snapshot_id = :id',
  forgetDefects: 'DELETE FROM defect WHERE snapshot_id = :id',
  // What upstream showed last is then in no snapshot: to be asked for without conditions.
  forgetSeen: FORGET_SEEN,
  markUnswept: 'UPDATE mirror SET unswept = 1 WHERE id = :mirrorId',
  markSwept: 'UPDATE mirror SET unswept = 0 WHERE id = :mirrorId',
  unswept: 'SELECT 1 FROM mirror WHERE unswept = 1 LIMIT 1',
  // In the order of the table, which is that of the file.
  deadPackages: `SELECT p.id FROM package p WHERE p.id BETWEEN :from AND :to
    AND +p.mirror_id IN (SELECT id FROM mirror WHERE unswept = 1) AND ${DEAD}`,
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
  wallTrust: `SELECT wall_ms AS wallMs, farm_ms AS farmMs, last_wall_ms AS lastWallMs, last_farm_ms AS lastFarmMs,
    since_farm_ms AS sinceFarmMs FROM wall_trust`,
  setWallTrust: `REPLACE INTO wall_trust (id, wall_ms, farm_ms, last_wall_ms, last_farm_ms, since_farm_ms)
    VALUES (1, :wallMs, :farmMs, :lastWallMs, :lastFarmMs, :sinceFarmMs)`,
} as const

/** The scan of what the blobs are for: rows come many in one value, as BlobTable reads them. */
const SCAN = {
  clearLive: 'DELETE FROM temp.live_snapshot',
  fillLive: `INSERT INTO temp.live_snapshot (mirror_id, seq, id)
    SELECT mirror_id, seq, id FROM main.snapshot WHERE retired_at IS NULL`,
  dropLive: 'DELETE FROM temp.live_snapshot WHERE id = :id',
  blobs: `SELECT CAST(group_concat(digest || ' ' || size || ' ' || used_at) AS BLOB) AS rows, max(digest) AS last
    FROM (SELECT digest, size, used_at FROM main.blob WHERE digest > :after ORDER BY digest LIMIT :limit)`,
  lastPackage: 'SELECT coalesce(max(id), 0) AS id FROM main.package',
  // Fetchable: some mirror that is followed, and was reached at the last look, has it in its newest snapshot.
  packages: `SELECT CAST(group_concat(iif(p.last_seq IS NULL AND p.mirror_id IN (${FOLLOWED}), '+', '-') || p.digest) AS BLOB) AS rows
    FROM main.package p WHERE p.id BETWEEN :from AND :to AND (:all OR EXISTS (
      SELECT 1 FROM temp.live_snapshot s WHERE s.mirror_id = p.mirror_id
        AND s.seq >= p.first_seq AND (p.last_seq IS NULL OR s.seq <= p.last_seq)))`,
  repodata: `SELECT CAST(group_concat('-' || f.digest) AS BLOB) AS rows
    FROM temp.live_snapshot s CROSS JOIN main.repodata_file f ON f.snapshot_id = s.id
    WHERE s.mirror_id = :mirrorId AND f.digest IS NOT NULL`,
  // As of packages: of the newest snapshot they can be fetched again.
  extras: `SELECT CAST(group_concat(iif(s.mirror_id IN (${FOLLOWED}) AND NOT EXISTS (
      SELECT 1 FROM temp.live_snapshot n WHERE n.mirror_id = s.mirror_id AND n.seq > s.seq), '+', '-') || f.digest) AS BLOB) AS rows
    FROM temp.live_snapshot s CROSS JOIN main.extra_file f ON f.snapshot_id = s.id WHERE s.mirror_id = :mirrorId`,
} as const

const CREATE_SCAN = `
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -16384;
  CREATE TEMP TABLE live_snapshot (
    mirror_id INTEGER NOT NULL, seq INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (mirror_id, seq)
  ) WITHOUT ROWID;
  CREATE INDEX temp.live_snapshot_id ON live_snapshot (id)`

export type GcStatements = Prepared<typeof GC> & Prepared<typeof SCAN>

/** Prepares what collecting garbage needs, on a connection of its own. */
export function prepareGc(database: Database.Database): GcStatements {
  database.exec(CREATE_SCAN)
  return prepareAll(database, { ...GC, ...SCAN })
}

const RETIREMENT = {
  held: `SELECT s.id, s.mirror_id AS mirrorId, ${IS_CURRENT} OR ${WAS_CURRENT} AS isCurrent, m.pin_id IS s.id AS isPinned, ${VIEWS} AS views,
      NOT EXISTS (SELECT 1 FROM snapshot n WHERE n.mirror_id = s.mirror_id AND n.retired_at IS NULL AND n.seq > s.seq) AS isNewest
    FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE m.name = :mirror AND s.name = :name AND s.retired_at IS NULL`,
  retire: GC.retire,
  forgetFiles: GC.forgetFiles,
  forgetExtras: GC.forgetExtras,
  forgetDefects: GC.forgetDefects,
  markUnswept: GC.markUnswept,
} as const

export type RetirementStatements = Prepared<typeof RETIREMENT>

/** Prepares what retiring a single snapshot needs. */
export function prepareRetirement(database: Database.Database): RetirementStatements {
  return prepareAll(database, RETIREMENT)
}
