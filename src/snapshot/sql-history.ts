import type Database from 'better-sqlite3'

import { SNAPSHOT } from './sql.ts'

// Statements about the past of the index: generations and moments.

const HISTORY = {
  // Each mirror's span is found by its key: the spans of years need not be read. CROSS JOIN keeps this order.
  snapshotsAtGeneration: `SELECT ${SNAPSHOT} FROM mirror m
    CROSS JOIN current_span c ON c.mirror_id = m.id AND c.first_generation = (
      SELECT max(x.first_generation) FROM current_span x WHERE x.mirror_id = m.id AND x.first_generation <= :generation)
    JOIN snapshot s ON s.id = c.snapshot_id
    WHERE c.last_generation IS NULL OR c.last_generation >= :generation`,
  generation:
    'SELECT number, created_at AS createdAt, cause, actor FROM generation WHERE number = :generation',
  generationAt: `SELECT number FROM generation WHERE created_at <= :atMs
    ORDER BY number DESC LIMIT 1`,
  generationsBefore: `SELECT number, created_at AS createdAt, cause, actor FROM generation g
    WHERE number < :before AND (:mirror IS NULL OR EXISTS (
      SELECT 1 FROM current_span c JOIN mirror m ON m.id = c.mirror_id
      WHERE m.name = :mirror AND (c.first_generation = g.number OR c.last_generation = g.number - 1)))
    ORDER BY number DESC LIMIT :limit`,
  changesTo: `SELECT m.name AS mirror, s.name AS snapshot FROM current_span c
    JOIN snapshot s ON s.id = c.snapshot_id JOIN mirror m ON m.id = c.mirror_id
    WHERE c.first_generation = :generation ORDER BY m.name`,
  changesFrom: `SELECT m.name AS mirror, s.name AS snapshot FROM current_span c
    JOIN snapshot s ON s.id = c.snapshot_id JOIN mirror m ON m.id = c.mirror_id
    WHERE c.last_generation = :generation - 1 ORDER BY m.name`,
} as const

export type HistoryStatements = Readonly<Record<keyof typeof HISTORY, Database.Statement>>

/** Prepares what the past is read with. */
export function prepareHistory(database: Database.Database): HistoryStatements {
  const prepared = Object.entries(HISTORY).map(([name, text]) => [name, database.prepare(text)])
  return Object.fromEntries(prepared) as HistoryStatements
}
