import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'

// Statements of the pages about a farm. Lists are of bounded length, or read in parts: see sqlite-farm.ts.

/** A mirror `m` that is configured, or still has snapshots. */
const SHOWN = `(m.removed_at IS NULL OR EXISTS (
  SELECT 1 FROM snapshot x WHERE x.mirror_id = m.id AND x.retired_at IS NULL))`

/** What packages of a mirror `m` were before they were replaced in a snapshot `r`, as far as that names them, and that is not here. */
const UNKEPT = `snapshot r CROSS JOIN defect x ON x.snapshot_id = r.id AND x.kind = 'replaced'
  CROSS JOIN package p ON p.mirror_id = r.mirror_id AND p.href_hash = href_hash(x.path) AND p.href = x.path AND p.last_seq = r.seq - 1
  CROSS JOIN departed d ON d.mirror_id = p.mirror_id AND d.package_id = p.id AND d.state <> 0
  WHERE r.mirror_id = m.id AND r.created_at >= :replacedSince AND r.replaced > 0`

const PACKAGE = 'p.name, p.epoch, p.version, p.release, p.arch, p.href, p.digest, p.size'

/** Looks upstream of a mirror `m` that failed since one did not. */
const FAILED = `sync_check f WHERE f.mirror_id = m.id AND f.last_at > coalesce((SELECT max(x.last_at) FROM sync_check x
  WHERE x.mirror_id = m.id AND x.outcome <> 'failed'), 0)`

const CHECK = `c.id, m.name AS mirror, c.first_at AS firstAt, c.last_at AS lastAt, c.times, c.outcome,
  c.duration_ms AS durationMs, c.actor, c.bytes, c.snapshot, c.reason`

const FARM = {
  totalChanges: 'SELECT total_changes() AS count',
  newestGeneration: 'SELECT max(number) AS number FROM generation',
  mirrors: `SELECT m.id, m.name, m.listed, m.pin_id IS NOT NULL AS pinned, m.pin_why AS pinWhy, m.pinned_at AS pinnedAt, m.removed_at AS removedAt,
      m.checked_at AS checkedAt, m.succeeded_at AS succeededAt, m.error, s.id AS snapshotId, s.seq, s.name AS snapshot,
      s.created_at AS createdAt, s.package_count AS packages, s.package_bytes AS bytes, s.climb, s.arches, s.cached,
      s.cached_bytes AS cachedBytes,
      iif(m.error IS NULL, NULL, (SELECT sum(f.times) FROM ${FAILED})) AS failures,
      iif(m.error IS NULL, NULL, (SELECT min(f.first_at) FROM ${FAILED})) AS failingSince, g.created_at AS currentSince, u.last_seen AS lastUsed,
      (SELECT n.name FROM snapshot n WHERE n.mirror_id = m.id AND n.retired_at IS NULL ORDER BY n.seq DESC LIMIT 1) AS newest,
      iif(m.pin_id IS NULL, 0, (SELECT count(*) FROM snapshot n WHERE n.mirror_id = m.id AND n.retired_at IS NULL
        AND n.seq > s.seq)) AS waiting,
      (SELECT sum(r.replaced) FROM snapshot r WHERE r.mirror_id = m.id AND r.created_at >= :replacedSince
        AND r.replaced > 0) AS replaced,
      (SELECT count(DISTINCT p.id) FROM ${UNKEPT}) AS replacedUnkept
    FROM mirror m LEFT JOIN current_span c ON c.mirror_id = m.id AND c.last_generation IS NULL
    LEFT JOIN snapshot s ON s.id = c.snapshot_id LEFT JOIN generation g ON g.number = c.first_generation
    LEFT JOIN mirror_usage u ON u.mirror_id = m.id
    WHERE m.id > :after AND ${SHOWN} ORDER BY m.id LIMIT :limit`,
  defects: `SELECT m.name AS mirror, d.path, d.kind, d.message FROM current_span c
    CROSS JOIN defect d ON d.snapshot_id = c.snapshot_id CROSS JOIN mirror m ON m.id = c.mirror_id
    WHERE c.last_generation IS NULL ORDER BY d.path, d.kind`,
  marks: `SELECT s.name, s.seq, s.created_at AS createdAt, coalesce(s.replaced, 0) AS replaced,
      s.added + s.removed + s.upgraded + s.downgraded + s.replaced AS changed FROM snapshot s
    WHERE s.mirror_id = :mirrorId AND s.retired_at IS NULL AND s.created_at >= :since ORDER BY s.seq DESC LIMIT :limit`,
  hosts: `SELECT count(DISTINCT client) AS count FROM client_usage WHERE mirror_id = :mirrorId AND last_seen >= :since`,
  clients: 'SELECT DISTINCT client FROM client_usage WHERE mirror_id = :mirrorId AND last_seen >= :since',
  stock: `SELECT count(*) AS count, max(created_at) AS newestAt FROM snapshot
    WHERE mirror_id = :mirrorId AND retired_at IS NULL`,
  snapshots: `SELECT s.id, s.seq, s.name, s.created_at AS createdAt, s.package_count AS packages, s.package_bytes AS bytes, s.climb, s.arches,
      coalesce(s.adopted_at, s.created_at) AS cameAt, s.cached, s.cached_bytes AS cachedBytes, s.revision, s.added, s.removed, s.upgraded, s.downgraded, s.replaced,
      coalesce(u.requests, 0) AS requests, u.last_seen AS lastUsed
    FROM snapshot s LEFT JOIN snapshot_usage u ON u.snapshot_id = s.id
    WHERE s.mirror_id = :mirrorId AND s.retired_at IS NULL ORDER BY s.seq DESC`,
  holding: `SELECT m.listed, m.pin_id AS pinId, (SELECT max(number) FROM generation) AS generation FROM mirror m WHERE m.id = :mirrorId`,
  spans: `SELECT c.snapshot_id AS id, c.first_generation AS first, c.last_generation AS last FROM current_span c
    WHERE c.mirror_id = :mirrorId ORDER BY c.first_generation`,
  viewGenerations:
    'SELECT generation, count(*) AS views FROM view WHERE expires_at > :farmMs GROUP BY generation',
  changes: `SELECT s.added, s.removed, s.upgraded, s.downgraded, s.replaced FROM snapshot s
    JOIN mirror m ON m.id = s.mirror_id WHERE m.name = :mirror AND s.name = :name AND s.added IS NOT NULL`,
  checksOfFarm: `SELECT ${CHECK} FROM sync_check c JOIN mirror m ON m.id = c.mirror_id
    WHERE c.last_at < :before AND (:outcome IS NULL OR c.outcome = :outcome) ORDER BY c.last_at DESC LIMIT :limit`,
  checksOfMirror: `SELECT ${CHECK} FROM sync_check c JOIN mirror m ON m.id = c.mirror_id
    WHERE c.mirror_id = (SELECT id FROM mirror WHERE name = :mirror) AND c.last_at < :before
      AND (:outcome IS NULL OR c.outcome = :outcome) ORDER BY c.last_at DESC LIMIT :limit`,
  currents: `SELECT s.name AS snapshot, g.created_at AS since, g.cause, (SELECT e.created_at FROM generation e WHERE e.number = c.last_generation + 1) AS until
    FROM current_span c JOIN generation g ON g.number = c.first_generation JOIN snapshot s ON s.id = c.snapshot_id
    WHERE c.mirror_id = :mirrorId ORDER BY c.first_generation DESC LIMIT :limit`,
  fetches: `SELECT nullif(arch, '') AS arch, baseurl, listed, duration_ms AS durationMs, bytes, moved FROM snapshot_fetch
    WHERE snapshot_id = :snapshotId ORDER BY arch`,
  spansOfSnapshot: `SELECT c.first_generation AS first, g.created_at AS since, c.last_generation AS last,
      (SELECT e.created_at FROM generation e WHERE e.number = c.last_generation + 1) AS until
    FROM current_span c JOIN generation g ON g.number = c.first_generation
    WHERE c.mirror_id = :mirrorId AND c.snapshot_id = :id ORDER BY c.first_generation DESC LIMIT :limit`,
  holders: `SELECT v.name AS view, v.created_at AS createdAt, :wallMs + v.expires_at - :farmMs AS endsAt, s.name AS snapshot
    FROM (SELECT * FROM view WHERE expires_at > :farmMs ORDER BY expires_at DESC LIMIT :looked) v
    JOIN current_span c ON c.mirror_id = :mirrorId AND c.first_generation = (
      SELECT max(x.first_generation) FROM current_span x WHERE x.mirror_id = :mirrorId AND x.first_generation <= v.generation)
      AND (c.last_generation IS NULL OR c.last_generation >= v.generation)
    JOIN snapshot s ON s.id = c.snapshot_id ORDER BY v.expires_at DESC LIMIT :limit`,
  pageEnd: `SELECT href_hash AS hash, id FROM package WHERE mirror_id = :mirrorId AND (href_hash, id) > (:afterHash, :afterId)
    ORDER BY href_hash, id LIMIT 1 OFFSET :rows`,
  packages: `SELECT ${PACKAGE}, p.source, p.first_seq AS firstSeq, p.last_seq AS lastSeq,
      EXISTS (SELECT 1 FROM blob b WHERE b.digest = p.digest) AS cached FROM package p
    WHERE p.mirror_id = :mirrorId AND (p.href_hash, p.id) > (:afterHash, :afterId)
      AND (p.href_hash, p.id) <= (:endHash, :endId)
      AND (:seq IS NULL OR (p.first_seq <= :seq AND (p.last_seq IS NULL OR p.last_seq >= :seq)))
      AND (:name IS NULL OR p.name = :name)
      AND (:text IS NULL OR instr(lower(p.name || '-' || p.version || '-' || p.release || '.' || p.arch), :text) > 0
        OR instr(lower(p.href), :text) > 0 OR instr(lower(coalesce(p.source, '')), :text) > 0)`,
  lastPackage: 'SELECT coalesce(max(id), 0) AS id FROM package',
  named: `SELECT p.id, ${PACKAGE}, m.name AS mirror, s.name AS snapshot FROM package p
    CROSS JOIN current_span c ON c.mirror_id = p.mirror_id AND c.last_generation IS NULL
    CROSS JOIN snapshot s ON s.id = c.snapshot_id CROSS JOIN mirror m ON m.id = p.mirror_id
    WHERE p.id > :after AND p.id <= :to AND p.name = :name
      AND p.first_seq <= s.seq AND (p.last_seq IS NULL OR p.last_seq >= s.seq) ORDER BY p.id LIMIT :limit`,
  views: `SELECT name, generation, created_at AS createdAt, client, ttl_ms AS ttlMs,
      :wallMs + expires_at - :farmMs AS endsAt FROM view WHERE name > :after AND expires_at > :farmMs ORDER BY name LIMIT :limit`,
  // Each mirror's span is found by its key.
  indexSize: `SELECT count(*) AS count FROM mirror m CROSS JOIN current_span c ON c.mirror_id = m.id AND c.first_generation = (
      SELECT max(x.first_generation) FROM current_span x WHERE x.mirror_id = m.id AND x.first_generation <= :generation)
    WHERE c.last_generation IS NULL OR c.last_generation >= :generation`,
  useCount: `SELECT count(*) AS count FROM mirror m WHERE ${SHOWN} AND instr(lower(m.name), :text) > 0`,
  use: `SELECT m.id, m.name AS mirror, coalesce(u.requests, 0) AS requests, coalesce(u.bytes, 0) AS bytes,
      u.first_seen AS firstSeen, u.last_seen AS lastSeen, u.clients
    FROM mirror m LEFT JOIN mirror_usage u ON u.mirror_id = m.id WHERE ${SHOWN} AND instr(lower(m.name), :text) > 0
    ORDER BY coalesce(u.last_seen, 0), m.name LIMIT :limit OFFSET :offset`,
  agents: 'SELECT agent FROM mirror_agent_usage WHERE mirror_id = :id ORDER BY requests DESC, agent LIMIT 4',
  mirrorId: 'SELECT id FROM mirror WHERE name = :mirror',
  lastCheck: `SELECT id, outcome, reason FROM sync_check WHERE mirror_id = :mirrorId ORDER BY last_at DESC LIMIT 1`,
  repeatCheck: `UPDATE sync_check SET last_at = :startedAt, times = times + 1, duration_ms = :durationMs, actor = :actor,
    bytes = :bytes WHERE id = :id`,
  addCheck: `INSERT INTO sync_check (mirror_id, first_at, last_at, times, outcome, duration_ms, actor, bytes, snapshot, reason)
    VALUES (:mirrorId, :startedAt, :startedAt, 1, :outcome, :durationMs, :actor, :bytes, :snapshot, :reason)`,
  dropOldChecks: 'DELETE FROM sync_check WHERE mirror_id = :mirrorId AND last_at < :before',
  dropSurplusChecks: `DELETE FROM sync_check WHERE mirror_id = :mirrorId AND last_at <= (
    SELECT last_at FROM sync_check WHERE mirror_id = :mirrorId ORDER BY last_at DESC LIMIT 1 OFFSET :keep)`,
  recordChanges: `UPDATE snapshot SET added = :added, removed = :removed, upgraded = :upgraded, downgraded = :downgraded,
    replaced = :replaced WHERE id = :id`,
} as const

export type FarmStatements = Prepared<typeof FARM>

/** Prepares what the pages about a farm are read with. */
export function prepareFarm(database: Database.Database): FarmStatements {
  return prepareAll(database, FARM)
}
