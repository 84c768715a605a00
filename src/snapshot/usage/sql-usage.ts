import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'

// Statements about who uses what.

const COUNTS = 'requests, bytes, first_seen, last_seen'
/** What is new of a row's counts is added to them. */
const ADDED = `requests = requests + excluded.requests, bytes = bytes + excluded.bytes,
  first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)`
const USAGE = 'u.requests, u.bytes, u.first_seen AS firstSeen, u.last_seen AS lastSeen'

const STATEMENTS = {
  seed: 'SELECT seed FROM usage_counting',
  mirrorClients: 'SELECT clients FROM mirror_usage WHERE mirror_id = :id',
  addMirror: `INSERT INTO mirror_usage (mirror_id, ${COUNTS}, clients)
    SELECT :id, :requests, :bytes, :firstSeen, :lastSeen, :clients WHERE EXISTS (SELECT 1 FROM mirror WHERE id = :id)
    ON CONFLICT DO UPDATE SET ${ADDED}, clients = excluded.clients`,
  addMirrorAgent: `INSERT INTO mirror_agent_usage (mirror_id, agent, requests) VALUES (:id, :agent, :requests)
    ON CONFLICT DO UPDATE SET requests = requests + excluded.requests`,
  snapshotClients: 'SELECT clients FROM snapshot_usage WHERE snapshot_id = :id',
  addSnapshot: `INSERT INTO snapshot_usage (snapshot_id, ${COUNTS}, clients)
    SELECT :id, :requests, :bytes, :firstSeen, :lastSeen, :clients
    WHERE EXISTS (SELECT 1 FROM snapshot WHERE id = :id AND mirror_id = :mirrorId)
    ON CONFLICT DO UPDATE SET ${ADDED}, clients = excluded.clients`,
  addSnapshotAgent: `INSERT INTO agent_usage (snapshot_id, agent, requests) VALUES (:id, :agent, :requests)
    ON CONFLICT DO UPDATE SET requests = requests + excluded.requests`,
  addClient: `INSERT INTO client_usage (mirror_id, client, agent, ${COUNTS})
    SELECT :mirrorId, :client, :agent, :requests, :bytes, :firstSeen, :lastSeen
    WHERE EXISTS (SELECT 1 FROM mirror WHERE id = :mirrorId)
    ON CONFLICT DO UPDATE SET ${ADDED}`,
  dropSurplusClients: `DELETE FROM client_usage WHERE mirror_id = :mirrorId AND (client, agent) IN (
    SELECT client, agent FROM client_usage WHERE mirror_id = :mirrorId
    ORDER BY last_seen DESC, client, agent LIMIT -1 OFFSET :keep)`,
  addName: `INSERT INTO asked_name (mirror_id, name, asked_at)
    SELECT :mirrorId, :name, :askedAt WHERE EXISTS (SELECT 1 FROM mirror WHERE id = :mirrorId)
    ON CONFLICT DO UPDATE SET asked_at = max(asked_at, excluded.asked_at)`,
  dropOldNames: 'DELETE FROM asked_name WHERE asked_at < :before',
  dropSurplusNames: `DELETE FROM asked_name WHERE (mirror_id, name) IN (SELECT mirror_id, name FROM (
    SELECT mirror_id, name, row_number() OVER (PARTITION BY mirror_id ORDER BY asked_at DESC, name) AS rank FROM asked_name)
    WHERE rank > :keep)`,
  dropOldClients: 'DELETE FROM client_usage WHERE last_seen < :before',
  dropRetired: `DELETE FROM snapshot_usage WHERE snapshot_id IN (SELECT id FROM snapshot WHERE retired_at < :before)`,
  dropRetiredAgents: `DELETE FROM agent_usage WHERE snapshot_id IN (SELECT id FROM snapshot WHERE retired_at < :before)`,
  mirrors: `SELECT m.id, m.name AS mirror, ${USAGE}, u.clients, max(
      (SELECT since FROM usage_counting), (SELECT created_at FROM snapshot s WHERE s.mirror_id = m.id ORDER BY s.seq LIMIT 1)) AS countedSince
    FROM mirror m LEFT JOIN mirror_usage u ON u.mirror_id = m.id
    WHERE :mirror IS NULL OR m.name = :mirror ORDER BY m.name`,
  mirrorAgents:
    'SELECT agent, requests FROM mirror_agent_usage WHERE mirror_id = :id ORDER BY requests DESC, agent',
  snapshots: `SELECT s.id, s.name AS snapshot, s.retired_at IS NOT NULL AS retired, ${USAGE}, u.clients
    FROM snapshot s JOIN snapshot_usage u ON u.snapshot_id = s.id WHERE s.mirror_id = :id ORDER BY s.seq DESC`,
  snapshotAgents:
    'SELECT agent, requests FROM agent_usage WHERE snapshot_id = :id ORDER BY requests DESC, agent',
  clients: `SELECT u.client, u.agent, ${USAGE} FROM client_usage u
    WHERE u.mirror_id = :id ORDER BY u.last_seen DESC, u.client, u.agent`,
} as const

export type UsageStatements = Prepared<typeof STATEMENTS>

/** Prepares what use is counted and read with. */
export function prepareUsage(database: Database.Database): UsageStatements {
  return prepareAll(database, STATEMENTS)
}
