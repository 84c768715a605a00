import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'

// Statements about what is cached of snapshots, and what is to be.

/** The next rows of a mirror in the order of their index, which alone is read to find where they end. */
const PAGE =
  'p.mirror_id = :mirrorId AND (p.href_hash, p.id) > (:afterHash, :afterId) AND (p.href_hash, p.id) <= (:endHash, :endId)'

const PREFETCH = {
  progress: 'SELECT prefetched_seq AS seq, prefetch_policy AS policy FROM mirror WHERE name = :mirror',
  setProgress: 'UPDATE mirror SET prefetched_seq = :seq, prefetch_policy = :policy WHERE name = :mirror',
  mirrorId: 'SELECT id FROM mirror WHERE name = :mirror',
  pageEnd: `SELECT href_hash AS hash, id FROM package WHERE mirror_id = :mirrorId AND (href_hash, id) > (:afterHash, :afterId)
    ORDER BY href_hash, id LIMIT 1 OFFSET :rows`,
  packages: `SELECT p.id AS packageId, p.mirror_id AS mirrorId, p.href, p.digest, p.size, p.name, p.epoch, p.version, p.release, p.arch,
      a.asked_at AS askedAt, EXISTS (SELECT 1 FROM blob b WHERE b.digest = p.digest) AS isCached
    FROM package p LEFT JOIN asked_name a ON a.mirror_id = p.mirror_id AND a.name = p.name
    WHERE ${PAGE} AND p.first_seq <= :seq AND (p.last_seq IS NULL OR p.last_seq >= :seq)
      AND (:newerThan IS NULL OR p.first_seq > :newerThan) AND (:askedSince IS NULL OR a.asked_at >= :askedSince)
      AND (:isAll OR NOT EXISTS (SELECT 1 FROM blob b WHERE b.digest = p.digest))`,
  isAnyAsked: 'SELECT 1 FROM asked_name WHERE mirror_id = :mirrorId AND asked_at >= :askedSince LIMIT 1',
  cachedSpans: `SELECT p.first_seq AS firstSeq, p.last_seq AS lastSeq, count(*) AS count, sum(b.size) AS bytes
    FROM package p CROSS JOIN blob b ON b.digest = p.digest WHERE ${PAGE} GROUP BY 1, 2`,
  // Of rows that lie together: the table is read from one end to the other, and no row is looked for.
  extent: `SELECT min(id) AS first, max(id) AS last, count(*) AS count FROM package WHERE mirror_id = :mirrorId`,
  // Of a store with much in it that is not worth asking.
  hasOnlyRepodata: `SELECT NOT EXISTS (SELECT 1 FROM blob LIMIT 1 OFFSET 256) AND NOT EXISTS (
    SELECT 1 FROM blob WHERE digest NOT IN (SELECT digest FROM repodata_file WHERE digest IS NOT NULL)) AS isSo`,
  cachedSpansBetween: `SELECT p.first_seq AS firstSeq, p.last_seq AS lastSeq, count(*) AS count, sum(b.size) AS bytes
    FROM package p CROSS JOIN blob b ON b.digest = p.digest
    WHERE p.id BETWEEN :first AND :last AND +p.mirror_id = :mirrorId GROUP BY 1, 2`,
  // The same, row by row, of several architectures: what they have in common is one package.
  cachedRows: `SELECT p.digest AS key, p.first_seq AS firstSeq, p.last_seq AS lastSeq, 0 AS state, b.size
    FROM package p CROSS JOIN blob b ON b.digest = p.digest WHERE ${PAGE}`,
  newestArches: 'SELECT arches FROM snapshot WHERE mirror_id = :mirrorId ORDER BY seq DESC LIMIT 1',
  liveSnapshots: 'SELECT id, seq FROM snapshot WHERE mirror_id = :mirrorId AND retired_at IS NULL',
  setCached: 'UPDATE snapshot SET cached = :count, cached_bytes = :bytes WHERE id = :id',
  cachedOfMirror: `SELECT id, cached AS count, cached_bytes AS bytes FROM snapshot
    WHERE mirror_id = :mirrorId AND retired_at IS NULL AND cached IS NOT NULL`,
  cachedOfCurrent: `SELECT s.id, s.cached AS count, s.cached_bytes AS bytes FROM current_span c
    JOIN snapshot s ON s.id = c.snapshot_id WHERE c.last_generation IS NULL AND s.cached IS NOT NULL`,
} as const

export type PrefetchStatements = Prepared<typeof PREFETCH>

/** Prepares what fetching ahead and counting what is cached need. */
export function preparePrefetch(database: Database.Database): PrefetchStatements {
  return prepareAll(database, PREFETCH)
}
