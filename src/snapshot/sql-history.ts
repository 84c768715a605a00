import type Database from 'better-sqlite3'

import { SNAPSHOT, prepareAll, type Prepared } from './sql.ts'

// Statements about the past of the index: generations and moments.

const HISTORY = {
  // Each mirror's span is found by its key: the spans of years need not be read. CROSS JOIN keeps this order.
  snapshotsAtGeneration: `SELECT ${SNAPSHOT} FROM mirror m
    CROSS JOIN current_span c ON c.mirror_id = m.id AND c.first_generation = (
      SELECT max(x.first_generation) FROM current_span x WHERE x.mirror_id = m.id AND x.first_generation <= :generation)
    JOIN snapshot s ON s.id = c.snapshot_id
    WHERE c.last_generation IS NULL OR c.last_generation >= :generation`,
  generation:
    'SELECT number, created_at AS createdAt, cause, actor, why FROM generation WHERE number = :generation',
  generationAt: `SELECT number FROM generation WHERE created_at <= :atMs
    ORDER BY number DESC LIMIT 1`,
  generationsBefore: `SELECT number, created_at AS createdAt, cause, actor, why FROM generation
    WHERE number < :before ORDER BY number DESC LIMIT :limit`,
  // By the mirror's own spans, of which there are few.
  generationsOfMirror: `SELECT g.number, g.created_at AS createdAt, g.cause, g.actor, g.why FROM (
      SELECT c.first_generation AS number FROM mirror m JOIN current_span c ON c.mirror_id = m.id WHERE m.name = :mirror
      UNION SELECT c.last_generation + 1 FROM mirror m JOIN current_span c ON c.mirror_id = m.id WHERE m.name = :mirror) n
    CROSS JOIN generation g ON g.number = n.number WHERE n.number < :before ORDER BY n.number DESC LIMIT :limit`,
  changesTo: `SELECT m.name AS mirror, s.name AS snapshot FROM current_span c
    JOIN snapshot s ON s.id = c.snapshot_id JOIN mirror m ON m.id = c.mirror_id
    WHERE c.first_generation = :generation ORDER BY m.name`,
  changesFrom: `SELECT m.name AS mirror, s.name AS snapshot FROM current_span c
    JOIN snapshot s ON s.id = c.snapshot_id JOIN mirror m ON m.id = c.mirror_id
    WHERE c.last_generation = :generation - 1 ORDER BY m.name`,
} as const

export type HistoryStatements = Prepared<typeof HISTORY>

/** Prepares what the past is read with. */
export function prepareHistory(database: Database.Database): HistoryStatements {
  return prepareAll(database, HISTORY)
}
