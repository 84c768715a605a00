import type Database from 'better-sqlite3'

import { FORGET_SEEN, prepareAll, type Prepared } from '../sql.ts'

// Statements that take snapshots in from another database of the same schema, attached as `adopted`. It has one mirror, so that is number 1,
// and its snapshots are numbered from 1.

/** The same package in both databases; `a` is that of the adopted one. */
const SAME = `a.mirror_id = 1 AND a.href_hash = package.href_hash AND a.href = package.href
  AND a.digest = package.digest AND a.size IS package.size`

/** A package of the mirror's own that goes on over the seam, once rows were joined: the same as adopted row `a`. */
const JOINED = `SELECT 1 FROM main.package p WHERE p.mirror_id = :mirrorId AND p.href_hash = a.href_hash AND p.href = a.href
  AND p.digest = a.digest AND p.size IS a.size`

const COPY = `INSERT INTO main.package
  (mirror_id, href_hash, href, first_seq, last_seq, digest, size, name, epoch, version, release, arch, source)`
const COPIED =
  'digest, size, name, epoch, version, release, arch, source FROM adopted.package a WHERE a.mirror_id = 1'

const ADOPT = {
  span: `SELECT min(seq) AS firstSeq, max(seq) AS lastSeq, min(name) AS firstName, max(name) AS lastName
    FROM main.snapshot WHERE mirror_id = :mirrorId`,
  adoptedSpan: `SELECT min(seq) AS firstSeq, max(seq) AS lastSeq, min(name) AS firstName, max(name) AS lastName
    FROM adopted.snapshot`,
  addSnapshots: `INSERT INTO main.snapshot
    (mirror_id, seq, name, created_at, fingerprint, revision, climb, xml_base, package_count, package_bytes,
      adopted_at)
    SELECT :mirrorId, seq + :offset, name, created_at, fingerprint, revision, climb, xml_base, package_count, package_bytes,
      :nowMs FROM adopted.snapshot ORDER BY seq`,
  addFiles: `INSERT INTO main.repodata_file (snapshot_id, path, type, digest, size)
    SELECT s.id, f.path, f.type, f.digest, f.size FROM adopted.repodata_file f
    JOIN adopted.snapshot a ON a.id = f.snapshot_id
    JOIN main.snapshot s ON s.mirror_id = :mirrorId AND s.seq = a.seq + :offset`,
  addExtras: `INSERT INTO main.extra_file (snapshot_id, path, digest, size, stated_by)
    SELECT s.id, f.path, f.digest, f.size, f.stated_by FROM adopted.extra_file f
    JOIN adopted.snapshot a ON a.id = f.snapshot_id
    JOIN main.snapshot s ON s.mirror_id = :mirrorId AND s.seq = a.seq + :offset`,
  addDefects: `INSERT INTO main.defect (snapshot_id, path, kind, message)
    SELECT s.id, d.path, d.kind, d.message FROM adopted.defect d
    JOIN adopted.snapshot a ON a.id = d.snapshot_id
    JOIN main.snapshot s ON s.mirror_id = :mirrorId AND s.seq = a.seq + :offset`,
  // Before what is there: :seam is its first number. Rows of the last adopted snapshot are still open; those that go on become longer ones.
  joinFirst: `UPDATE package SET first_seq = a.first_seq + :offset FROM adopted.package a
    WHERE package.mirror_id = :mirrorId AND package.first_seq = :seam AND a.last_seq IS NULL AND ${SAME}`,
  addBefore: `${COPY} SELECT :mirrorId, href_hash, href, first_seq + :offset,
    coalesce(last_seq + :offset, :seam - 1), ${COPIED}
    AND NOT (a.last_seq IS NULL AND EXISTS (${JOINED}
      AND p.first_seq < :seam AND (p.last_seq IS NULL OR p.last_seq >= :seam)))`,
  // After what is there: :seam is its last number.
  closeLast: `UPDATE package SET last_seq = :seam WHERE mirror_id = :mirrorId AND last_seq IS NULL
    AND NOT EXISTS (SELECT 1 FROM adopted.package a WHERE a.first_seq = 1 AND ${SAME})`,
  joinLast: `UPDATE package SET last_seq = a.last_seq + :offset FROM adopted.package a
    WHERE package.mirror_id = :mirrorId AND package.last_seq IS NULL AND a.first_seq = 1 AND ${SAME}`,
  addAfter: `${COPY} SELECT :mirrorId, href_hash, href, first_seq + :offset, last_seq + :offset, ${COPIED}
    AND NOT (a.first_seq = 1 AND EXISTS (${JOINED}
      AND p.first_seq <= :seam AND (p.last_seq IS NULL OR p.last_seq > :seam)))`,
  // Rows that were added with an end, unless the newest snapshot lists the same file.
  noteDeparted: `INSERT INTO main.departed SELECT p.mirror_id, p.id, p.first_seq, p.last_seq,
    substr(p.digest, instr(p.digest, ':') + 1, 12), coalesce(p.size, 0),
    NOT EXISTS (SELECT 1 FROM main.blob b WHERE b.digest = p.digest)
    FROM main.package p WHERE p.mirror_id = :mirrorId AND p.last_seq IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM main.departed d WHERE d.mirror_id = p.mirror_id AND d.package_id = p.id)
      AND NOT EXISTS (SELECT 1 FROM main.package n WHERE n.mirror_id = p.mirror_id AND n.href_hash = p.href_hash
        AND n.href = p.href AND n.digest = p.digest AND n.last_seq IS NULL)`,
  // What upstream showed last is then not what the newest snapshot has: to be asked for without conditions.
  forgetSeen: FORGET_SEEN,
  // It never was in the configuration: as if it had gone out of it now.
  notConfigured: 'UPDATE mirror SET removed_at = :nowMs WHERE id = :mirrorId AND listed = 0',
} as const

const PACKAGES = {
  mirrorId: 'SELECT id FROM mirror WHERE name = :mirror',
  packages: `SELECT href_hash AS hrefHash, digest, min(href) AS href, max(size) AS size FROM package
    WHERE mirror_id = :mirrorId AND (href_hash, digest) > (:afterHash, :afterDigest)
      AND first_seq <= :lastSeq AND (last_seq IS NULL OR last_seq >= :firstSeq)
    GROUP BY href_hash, digest ORDER BY href_hash, digest LIMIT :limit`,
  packageCount: `SELECT count(*) AS count FROM (SELECT DISTINCT href_hash, digest FROM package
    WHERE mirror_id = :mirrorId AND first_seq <= :lastSeq AND (last_seq IS NULL OR last_seq >= :firstSeq))`,
} as const

export const ATTACH_ADOPTED = 'ATTACH ? AS adopted'
export const DETACH_ADOPTED = 'DETACH adopted'

export type AdoptStatements = Prepared<typeof ADOPT>
export type PackageStatements = Prepared<typeof PACKAGES>

/** Prepares what adopting needs; the other database must be attached. */
export function prepareAdopt(database: Database.Database): AdoptStatements {
  return prepareAll(database, ADOPT)
}

/** Prepares what reading the packages of several snapshots needs. */
export function preparePackages(database: Database.Database): PackageStatements {
  return prepareAll(database, PACKAGES)
}
