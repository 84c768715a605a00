import type Database from 'better-sqlite3'

import { FORGET_RETURNED, NOTE_EARLIER } from './departed/sql-returned.ts'

// The statements of the snapshot database, but for those about the past (sql-history.ts). Column aliases give rows the shape of store.ts.

/** Columns of a snapshot; `s` is the snapshot table, `m` the mirror table. */
export const SNAPSHOT = `s.id, m.name AS mirror, s.mirror_id AS mirrorId, s.seq, s.name, s.created_at AS createdAt,
  s.fingerprint, s.revision, s.package_count AS packageCount, s.package_bytes AS packageBytes, s.climb,
  s.xml_base AS xmlBase, s.arches`

/** Of snapshots that may be served, rows `s`: a retired one is only a name that generations remember. */
export const LIVE = 's.retired_at IS NULL'

/** A package row is in snapshot :seq. */
const LISTED_AT = 'first_seq <= :seq AND (last_seq IS NULL OR last_seq >= :seq)'

/**
 * What a snapshot has at a path; the first row counts. One statement: who asks for what is not there has all of these looked at, and a call costs more
 * than what it looks up.
 */
const FILE_AT = `SELECT 'pinned' AS kind, +:seq AS seq, digest, size, type, NULL AS name FROM repodata_file
      WHERE snapshot_id = +:snapshotId AND path = +:path
    UNION ALL SELECT 'package', +:seq, digest, size, NULL, name FROM package
      WHERE mirror_id = +:mirrorId AND href_hash = +:hrefHash AND href = +:path
        AND first_seq <= +:seq AND (last_seq IS NULL OR last_seq >= +:seq)
    UNION ALL SELECT 'extra', +:seq, digest, size, NULL, NULL FROM extra_file
      WHERE snapshot_id = +:snapshotId AND path = +:path`

/** What upstream showed last is forgotten, and so asked for without conditions. */
export const FORGET_SEEN = `UPDATE mirror SET repomd_baseurl = NULL, repomd_etag = NULL, repomd_last_modified = NULL,
  repomd_named = NULL, repomd_digest = NULL, repomd_arches = NULL WHERE id = :mirrorId`

// Where a table has an index for some of its rows only, SQLite plans a statement anew whenever a parameter that is compared with a column has another
// value, which takes ten times as long as a look-up does; not where it stands behind a plus.
const READS = {
  generation: 'SELECT number, created_at AS createdAt FROM generation ORDER BY number DESC LIMIT 1',
  currentSnapshots: `SELECT ${SNAPSHOT} FROM current_span c
    JOIN snapshot s ON s.id = c.snapshot_id JOIN mirror m ON m.id = s.mirror_id
    WHERE c.last_generation IS NULL`,
  snapshotByName: `SELECT ${SNAPSHOT} FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE m.name = +:mirror AND s.name = +:name AND ${LIVE}`,
  snapshotAtSeq: `SELECT ${SNAPSHOT} FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE s.mirror_id = +:mirrorId AND s.seq <= +:seq AND ${LIVE} ORDER BY s.seq DESC LIMIT 1`,
  snapshotsOfMirror: `SELECT ${SNAPSHOT} FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE m.name = +:mirror AND ${LIVE} ORDER BY s.seq DESC`,
  newestOfMirror: `SELECT ${SNAPSHOT} FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE m.name = +:mirror AND ${LIVE} ORDER BY s.seq DESC LIMIT 1`,
  repodataFiles: `SELECT path, type, digest, size FROM repodata_file
    WHERE snapshot_id = :snapshotId ORDER BY path`,
  extraFiles: 'SELECT path AS href, digest, size FROM extra_file WHERE snapshot_id = :snapshotId',
  arches: `SELECT arch, fingerprint, revision, xml_base AS xmlBase FROM snapshot_arch
    WHERE snapshot_id = :snapshotId ORDER BY arch`,
  file: `${FILE_AT} LIMIT 1`,
  rollingFile: `${FILE_AT}
    UNION ALL SELECT * FROM (SELECT 'pinned', s.seq, f.digest, f.size, f.type, NULL FROM snapshot s
      JOIN repodata_file f ON f.snapshot_id = s.id AND f.path = +:path
      WHERE s.mirror_id = +:mirrorId AND s.seq <= +:seq AND ${LIVE} AND f.digest IS NOT NULL ORDER BY s.seq DESC LIMIT 1)
    UNION ALL SELECT * FROM (SELECT 'package', s.seq, p.digest, p.size, NULL, p.name FROM package p
      JOIN snapshot s ON s.mirror_id = p.mirror_id
        AND s.seq BETWEEN p.first_seq AND min(coalesce(p.last_seq, +:seq), +:seq) AND ${LIVE}
      WHERE p.mirror_id = +:mirrorId AND p.href_hash = +:hrefHash AND p.href = +:path AND p.first_seq <= +:seq
      ORDER BY s.seq DESC LIMIT 1)
    LIMIT 1`,
  packagePage: `SELECT id, href_hash AS hrefHash, href, size FROM package
    WHERE mirror_id = :mirrorId AND (href_hash, id) > (:afterHash, :afterId) AND ${LISTED_AT}
    ORDER BY href_hash, id LIMIT :limit`,
  blob: 'SELECT size FROM blob WHERE digest = :digest',
  anyPackageOf:
    'SELECT 1 FROM package WHERE mirror_id = (SELECT id FROM mirror WHERE name = :mirror) LIMIT 1',
  retiredAt: `SELECT s.retired_at AS retiredAt FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE m.name = +:mirror AND s.name = +:name AND s.retired_at IS NOT NULL`,
  retiredNames: `SELECT s.name FROM snapshot s JOIN mirror m ON m.id = s.mirror_id
    WHERE m.name = +:mirror AND s.retired_at IS NOT NULL ORDER BY s.seq`,
  retiredCount: 'SELECT count(*) AS count FROM snapshot WHERE retired_at IS NOT NULL',
  defects: 'SELECT path, kind, message FROM defect WHERE snapshot_id = :snapshotId ORDER BY path, kind',
  mirrors: `SELECT m.name, m.listed, m.pin_id IS NOT NULL AS pinned, m.pin_why AS pinWhy,
    m.removed_at AS removedAt, m.checked_at AS checkedAt, m.succeeded_at AS succeededAt, m.error,
    (SELECT count(*) FROM snapshot s WHERE s.mirror_id = m.id AND ${LIVE}) AS snapshotCount
    FROM mirror m WHERE m.removed_at IS NULL OR EXISTS (
      SELECT 1 FROM snapshot s WHERE s.mirror_id = m.id AND ${LIVE}) ORDER BY m.name`,
  seenRepomd: `SELECT repomd_baseurl AS baseurl, repomd_etag AS etag, repomd_last_modified AS lastModified,
    repomd_named AS named, repomd_digest AS digest FROM mirror WHERE name = :mirror AND repomd_digest IS NOT NULL`,
  seenArches: 'SELECT repomd_arches AS seen FROM mirror WHERE name = :mirror',
} as const

const WRITES = {
  addMirror: 'INSERT INTO mirror (name) VALUES (:name) ON CONFLICT (name) DO NOTHING',
  listMirror: `UPDATE mirror SET listed = 1, pin_id = :pinId, pin_why = :pinWhy, pinned_at = :pinnedAt
    WHERE name = :name`,
  listings: `SELECT name, listed, pin_id AS pinId, pinned_at AS pinnedAt, removed_at AS removedAt
    FROM mirror`,
  setRemoved: 'UPDATE mirror SET removed_at = :removedAt WHERE name = :name',
  snapshotNames: `SELECT s.id, s.name FROM snapshot s JOIN mirror m ON m.id = s.mirror_id WHERE m.name = :mirror AND ${LIVE}`,
  mirrorByName: 'SELECT id FROM mirror WHERE name = :name',
  newestSnapshot:
    'SELECT id, seq, name, arches, climb FROM snapshot WHERE mirror_id = :mirrorId ORDER BY seq DESC LIMIT 1',
  recordSync: `UPDATE mirror SET checked_at = :checkedAt, error = :error,
    succeeded_at = CASE WHEN :error IS NULL THEN :checkedAt ELSE succeeded_at END WHERE name = :mirror`,
  recordSeen: `UPDATE mirror SET repomd_baseurl = :baseurl, repomd_etag = :etag,
    repomd_last_modified = :lastModified, repomd_named = :named, repomd_digest = :digest WHERE name = :mirror`,
  recordSeenArches: 'UPDATE mirror SET repomd_arches = :seen WHERE name = :mirror',
  addArch: `INSERT INTO snapshot_arch (snapshot_id, arch, fingerprint, revision, xml_base)
    VALUES (:snapshotId, :arch, :fingerprint, :revision, :xmlBase)`,
  addRepodataFile: `INSERT INTO repodata_file (snapshot_id, path, type, digest, size)
    VALUES (:snapshotId, :path, :type, :digest, :size)`,
  addExtraFile: `INSERT INTO extra_file (snapshot_id, path, digest, size, stated_by)
    VALUES (:snapshotId, :path, :digest, :size, :statedBy)`,
  addDefect: `INSERT INTO defect (snapshot_id, path, kind, message) VALUES (:snapshotId, :path, :kind, :message)
    ON CONFLICT DO NOTHING`,
  addSignature: `INSERT INTO snapshot_signature
    (snapshot_id, arch, fingerprint, primary_fingerprint, owner, hash, signed_at, verified_at)
    VALUES (:snapshotId, :arch, :fingerprint, :primary, :owner, :hash, :signedAt, :verifiedAt) ON CONFLICT DO NOTHING`,
  addFetch: `INSERT INTO snapshot_fetch (snapshot_id, arch, baseurl, listed, duration_ms, bytes, moved)
    VALUES (:snapshotId, :arch, :baseurl, :listed, :durationMs, :bytes, :moved)`,
  addGeneration: `INSERT INTO generation (number, created_at, cause, actor, why)
    SELECT coalesce(max(number), 0) + 1, max(:createdAt, coalesce(max(created_at), 0)), :cause, :actor, :why FROM generation`,
  closeCurrent: `UPDATE current_span SET last_generation = :generation - 1
    WHERE mirror_id = :mirrorId AND last_generation IS NULL`,
  openCurrent: `INSERT INTO current_span (mirror_id, first_generation, snapshot_id)
    VALUES (:mirrorId, :generation, :snapshotId)`,
  // Mirrors whose place in the index is not what they are to have: none, the pinned snapshot, or the newest.
  staleCurrent: `SELECT w.mirror_id AS mirrorId, w.snapshot_id AS snapshotId FROM (
      SELECT m.id AS mirror_id, CASE WHEN m.listed = 1 THEN coalesce(m.pin_id, (
        SELECT s.id FROM snapshot s WHERE s.mirror_id = m.id AND ${LIVE} ORDER BY s.seq DESC LIMIT 1)) END AS snapshot_id
      FROM mirror m) w
    LEFT JOIN current_span c ON c.mirror_id = w.mirror_id AND c.last_generation IS NULL
    WHERE w.snapshot_id IS NOT c.snapshot_id`,
  unlistAll: `UPDATE mirror SET listed = 0, pin_id = NULL, pin_why = NULL, pinned_at = NULL
    WHERE listed = 1 OR pin_id IS NOT NULL`,
} as const

/** A package row is of an architecture that stays what it is; `:keptParts` is `/aarch64/x86_64/`, or empty. */
const KEPT = "(:keptParts <> '' AND instr(:keptParts, '/' || substr(href, 1, instr(href, '/'))) > 0)"

const CHANGED = `id, name, epoch, version, release, arch, digest, size,
  substr(digest, 1, instr(digest, ':')) AS algorithm, iif(:byArch, substr(href, 1, instr(href, '/')), '') AS part`

/** Statements that read the packages of a candidate from its attached stage. */
const PUBLISH = {
  addSnapshot: `INSERT INTO snapshot
    (mirror_id, seq, name, created_at, fingerprint, revision, climb, xml_base, arches, package_count, package_bytes)
    VALUES (:mirrorId, :seq, :name, :createdAt, :fingerprint, :revision, :climb, :xmlBase, :arches, :count, :bytes)`,
  countIncoming: 'SELECT count(*) AS count, coalesce(sum(size), 0) AS bytes FROM scratch.incoming',
  // Of several architectures: what more than one lists is one package.
  countDistinct: `SELECT count(*) AS count, coalesce(sum(size), 0) AS bytes FROM (
    SELECT max(size) AS size FROM (SELECT digest, size FROM scratch.incoming
      UNION ALL SELECT digest, size FROM package WHERE mirror_id = :mirrorId AND last_seq IS NULL AND ${KEPT})
    GROUP BY digest)`,
  keptClimbing: `SELECT href FROM package WHERE mirror_id = :mirrorId AND last_seq IS NULL AND instr(href, '/../') > 0 AND ${KEPT}`,
  noteGonePackages: `INSERT INTO temp.gone SELECT id FROM package
    WHERE mirror_id = :mirrorId AND last_seq IS NULL AND NOT ${KEPT} AND NOT EXISTS (
      SELECT 1 FROM scratch.incoming i WHERE i.href_hash = package.href_hash AND i.href = package.href
        AND i.digest = package.digest AND i.size IS package.size)`,
  closeGonePackages: 'UPDATE package SET last_seq = :seq - 1 WHERE id IN (SELECT id FROM temp.gone)',
  addNewPackages: `INSERT INTO package
    (mirror_id, href_hash, href, first_seq, digest, size, name, epoch, version, release, arch, source)
    SELECT :mirrorId, href_hash, href, :seq, digest, size, name, epoch, version, release, arch, source
    FROM scratch.incoming i WHERE NOT EXISTS (
      SELECT 1 FROM package p WHERE p.mirror_id = :mirrorId AND p.href_hash = i.href_hash AND p.href = i.href
        AND p.last_seq IS NULL)`,
  noteEarlier: NOTE_EARLIER,
  forgetReturned: FORGET_RETURNED,
  anyPackage: 'SELECT 1 FROM package WHERE mirror_id = :mirrorId LIMIT 1',
  // Of a mirror that has none yet. Where the table is looked at as well, what is to be added is put aside first, all of it.
  addFirstPackages: `INSERT INTO package
    (mirror_id, href_hash, href, first_seq, digest, size, name, epoch, version, release, arch, source)
    SELECT :mirrorId, href_hash, href, :seq, digest, size, name, epoch, version, release, arch, source
    FROM scratch.incoming`,
  lastPackage: 'SELECT coalesce(max(id), 0) AS id FROM package',
  // Of what is gone and what was just added, whatever has one name and version on both sides and other bytes: rows are appended, so what
  // was added lies behind the last row before. Digests of two algorithms cannot be compared, sizes can. Each architecture stands for itself.
  replacedPackages: `SELECT group_concat(id) AS ids, count(*) OVER () AS total FROM (
      SELECT ${CHANGED}, 0 AS come FROM temp.gone JOIN package USING (id)
      UNION ALL SELECT ${CHANGED}, 1 AS come FROM package WHERE id > :last)
    GROUP BY name, epoch, version, release, arch, part
    HAVING min(come) < max(come) AND CASE WHEN min(algorithm) = max(algorithm)
      THEN min(iif(come, NULL, digest)) <> min(iif(come, digest, NULL))
        OR max(iif(come, NULL, digest)) <> max(iif(come, digest, NULL))
      ELSE min(iif(come, NULL, size)) <> min(iif(come, size, NULL))
        OR max(iif(come, NULL, size)) <> max(iif(come, size, NULL)) END
    ORDER BY name, epoch, version, release, arch LIMIT :limit`,
  distinctAdded: 'SELECT count(DISTINCT digest) AS count FROM package WHERE id > :last',
  distinctGone: 'SELECT count(DISTINCT digest) AS count FROM temp.gone JOIN package USING (id)',
  packageById: 'SELECT name, epoch, version, release, arch, href, digest, size FROM package WHERE id = :id',
} as const

/** As many packages are staged by one statement: each call costs as much as storing a third of a package. */
export const STAGED_AT_ONCE = 16
const STAGED = [
  'href_hash',
  'href',
  'digest',
  'size',
  'name',
  'epoch',
  'version',
  'release',
  'arch',
  'source',
]
/** Values of a staged package. */
export const STAGED_VALUES = STAGED.length

function addIncoming(rows: number): string {
  const row = `(${STAGED.map(() => '?').join()})`
  return `INSERT INTO incoming (${STAGED.join()}) VALUES ${Array.from({ length: rows }, () => row).join()}`
}

/** Statements of the stage's own connection. */
const STAGE = {
  addIncoming: addIncoming(1),
  addManyIncoming: addIncoming(STAGED_AT_ONCE),
  incomingDigest: 'SELECT digest FROM incoming WHERE href_hash = ? AND href = ?',
} as const

/**
 * A stage lives for one publication and need not survive anything. It is written in order and read in order, and gains nothing by a cache; the
 * sort that makes its index takes as much memory as that allows, and then a file.
 */
export const CREATE_STAGE = `
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA cache_size = -1024;
  PRAGMA temp_store = MEMORY;
  CREATE TABLE incoming (
    href_hash INTEGER NOT NULL, href TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER,
    name TEXT NOT NULL, epoch TEXT NOT NULL, version TEXT NOT NULL, release TEXT NOT NULL, arch TEXT NOT NULL, source TEXT
  ) STRICT`
export const INDEX_STAGE = 'CREATE INDEX incoming_href ON incoming (href_hash)'
export const INDEX_ATTACHED_STAGE = 'CREATE INDEX IF NOT EXISTS scratch.incoming_href ON incoming (href_hash)'
export const ATTACH_STAGE = 'ATTACH ? AS scratch'
/** Of SQLite's 16 MB each, 8 cost a first snapshot of a whole distribution a tenth of a second, and its process no memory. */
export const BOUND_CACHES = 'PRAGMA main.cache_size = -8192; PRAGMA scratch.cache_size = -4096'
export const DETACH_STAGE = 'DETACH scratch'
/**
 * The rows that a publication closes, while it lasts. Temporary tables and sorts stay in memory, some tens of MB for a whole distribution: a
 * server may have no place for temporary files.
 */
export const CREATE_GONE = `
  PRAGMA temp_store = MEMORY;
  DROP TABLE IF EXISTS temp.gone;
  CREATE TEMPORARY TABLE gone (id INTEGER PRIMARY KEY)`
export const DROP_GONE = 'DROP TABLE IF EXISTS temp.gone'

/** Statements by name. */
export type Prepared<Sql> = Readonly<Record<keyof Sql, Database.Statement>>

export type ReadStatements = Prepared<typeof READS>
export type WriteStatements = Prepared<typeof WRITES>
export type PublishStatements = Prepared<typeof PUBLISH>
export type StageStatements = Prepared<typeof STAGE>

/** Prepares what reading needs. */
export function prepareReads(database: Database.Database): ReadStatements {
  return prepareAll(database, READS)
}

/** Prepares what tells the newest generation. */
export function prepareGeneration(database: Database.Database): Database.Statement {
  return database.prepare(READS.generation)
}

/** Prepares what changing the index needs. */
export function prepareWrites(database: Database.Database): WriteStatements {
  return prepareAll(database, WRITES)
}

/** Prepares what publishing packages needs; the stage must be attached. */
export function preparePublish(database: Database.Database): PublishStatements {
  return prepareAll(database, PUBLISH)
}

/** Prepares what staging packages needs, on the stage's own connection. */
export function prepareStage(database: Database.Database): StageStatements {
  return prepareAll(database, STAGE)
}

/** Prepares statements by name. */
export function prepareAll<Sql extends Record<string, string>>(
  database: Database.Database,
  sql: Sql,
): Prepared<Sql> {
  const prepared = Object.entries(sql).map(([name, text]) => [name, database.prepare(text)])
  return Object.fromEntries(prepared) as Prepared<Sql>
}
