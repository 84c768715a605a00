import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'

// Statements about views and the farm's clock. Times of a view are the farm's clock's, but for created_at.

/** Snapshots that were current at generation g, each mirror's found by its key: CROSS JOIN keeps this order. */
const HELD = `(SELECT count(*) FROM mirror m CROSS JOIN current_span c ON c.mirror_id = m.id AND c.first_generation = (
    SELECT max(x.first_generation) FROM current_span x WHERE x.mirror_id = m.id AND x.first_generation <= v.generation)
  WHERE c.last_generation IS NULL OR c.last_generation >= v.generation)`

const VIEW = `v.name, v.generation, v.created_at AS createdAt, v.client, v.ttl_ms AS ttlMs,
  v.expires_at - :nowMs AS remainingMs, :wallMs + v.expires_at - :nowMs AS endsAt, ${HELD} AS snapshotCount`

const VIEWS = {
  lease: 'SELECT generation, ttl_ms AS ttlMs, expires_at AS expiresAt FROM view WHERE name = :name',
  newestGeneration: 'SELECT coalesce(max(number), 0) AS number FROM generation',
  add: `INSERT INTO view (name, generation, created_at, client, holder, ttl_ms, expires_at)
    VALUES (:name, :generation, :createdAt, :client, :holder, :ttlMs, :expiresAt)`,
  renew: 'UPDATE view SET ttl_ms = :ttlMs, expires_at = :expiresAt WHERE name = :name',
  remove: 'DELETE FROM view WHERE name = :name',
  removeEnded: `DELETE FROM view WHERE name IN (
    SELECT name FROM view WHERE expires_at <= :nowMs ORDER BY expires_at LIMIT :limit)`,
  removeHeld: `DELETE FROM view WHERE name IN (
    SELECT name FROM view WHERE holder = :holder AND expires_at > :nowMs LIMIT :limit)`,
  held: `SELECT count(*) AS count, min(expires_at) AS firstEnd FROM view
    WHERE holder = :holder AND expires_at > :nowMs`,
  rows: 'SELECT count(*) AS count FROM view',
  firstEnd: 'SELECT min(expires_at) AS atMs FROM view',
  count: 'SELECT count(*) AS count FROM view WHERE expires_at > :nowMs',
  find: `SELECT ${VIEW} FROM view v WHERE v.name = :name AND v.expires_at > :nowMs`,
  list: `SELECT ${VIEW} FROM view v WHERE v.name > :after AND v.expires_at > :nowMs ORDER BY v.name LIMIT :limit`,
} as const

const CLOCK = {
  anchor:
    'SELECT farm_ms AS farmMs, boot_id AS bootId, monotonic_ms AS monotonicMs, wall_ms AS wallMs FROM clock',
  begin: `INSERT INTO clock (farm_ms, boot_id, monotonic_ms, wall_ms)
    VALUES (:farmMs, :bootId, :monotonicMs, :wallMs)`,
  move: `UPDATE clock SET farm_ms = :farmMs, boot_id = :bootId, monotonic_ms = :monotonicMs, wall_ms = :wallMs`,
} as const

export type ViewStatements = Prepared<typeof VIEWS>
export type ClockStatements = Prepared<typeof CLOCK>

/** Prepares what views are kept with. */
export function prepareViews(database: Database.Database): ViewStatements {
  return prepareAll(database, VIEWS)
}

/** Prepares what the farm's clock is kept with. */
export function prepareClock(database: Database.Database): ClockStatements {
  return prepareAll(database, CLOCK)
}
