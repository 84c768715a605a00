import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'

// What the inventory is made from. Rows are told as they are: what a later schema adds to them is told without a word here.

/** What is counted of a snapshot's use is no part of it. */
const USAGE_TABLES: readonly string[] = ['snapshot_usage', 'agent_usage']

const INVENTORY = {
  seed: 'SELECT seed FROM usage_counting',
  anything: 'SELECT 1 FROM snapshot UNION ALL SELECT 1 FROM generation LIMIT 1',
  lastGeneration: 'SELECT coalesce(max(number), 0) AS number FROM generation',
  generations:
    'SELECT number, created_at, cause, actor, why FROM generation WHERE number > :after ORDER BY number',
  opened: `SELECT c.first_generation AS number, m.name AS mirror, s.name AS snapshot FROM current_span c
    JOIN snapshot s ON s.id = c.snapshot_id JOIN mirror m ON m.id = c.mirror_id WHERE c.first_generation > :after
    ORDER BY c.first_generation, m.name`,
  // Spans that another one of their mirror follows at once end with it.
  ended: `SELECT c.last_generation + 1 AS number, m.name AS mirror, NULL AS snapshot FROM current_span c
    JOIN mirror m ON m.id = c.mirror_id WHERE c.last_generation >= :after AND NOT EXISTS (
      SELECT 1 FROM current_span n WHERE n.mirror_id = c.mirror_id AND n.first_generation = c.last_generation + 1)
    ORDER BY c.last_generation, m.name`,
  snapshotCounts: `SELECT m.name, count(s.id) AS count FROM mirror m LEFT JOIN snapshot s ON s.mirror_id = m.id
    GROUP BY m.id`,
  mirrorNames: 'SELECT name FROM mirror ORDER BY name',
  mirror: 'SELECT * FROM mirror WHERE name = :name',
  snapshots: 'SELECT * FROM snapshot WHERE mirror_id = :mirrorId ORDER BY seq',
  clock: 'SELECT * FROM clock',
  views: 'SELECT * FROM view ORDER BY name',
  viewState: 'SELECT json_array(count(*), total(expires_at), total(generation)) AS state FROM view',
} as const

export type InventoryStatements = Prepared<typeof INVENTORY> & {
  /** Of each table whose rows belong to snapshots: those of a mirror's. */
  readonly belongings: ReadonlyMap<string, Database.Statement>
  /** A text for each mirror that changes when its part of the inventory does. */
  readonly mirrorStates: Database.Statement
}

/** Prepares what the inventory is made from. */
export function prepareInventory(database: Database.Database): InventoryStatements {
  const tables = findBelongings(database)
  const belongings = tables.map((table): [string, Database.Statement] => [
    table,
    database.prepare(`SELECT t.* FROM ${table} t JOIN snapshot s ON s.id = t.snapshot_id
      WHERE s.mirror_id = :mirrorId ORDER BY 1, 2, 3`),
  ])
  const counts = tables.map((table) => `(SELECT count(*) FROM ${table} t WHERE t.snapshot_id = n.id)`)
  // What belongs to a snapshot is written with it; later, if at all, only to the newest.
  const mirrorStates =
    database.prepare(`SELECT m.name, json_array(m.removed_at, m.repomd_baseurl, n.count, n.id, n.retired, n.adopted,
      ${counts.join(', ')}) AS state
    FROM mirror m LEFT JOIN (SELECT mirror_id, count(*) AS count, max(id) AS id, total(retired_at) AS retired,
      total(adopted_at) AS adopted FROM snapshot GROUP BY mirror_id) n ON n.mirror_id = m.id`)
  return { ...prepareAll(database, INVENTORY), belongings: new Map(belongings), mirrorStates }
}

/** Tables whose rows go with their snapshot: `repodata_file`, `defect`, and what later schemas add. */
export function findBelongings(database: Database.Database): string[] {
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .all() as {
    name: string
  }[]
  return tables
    .map(({ name }) => name)
    .filter((name) => !USAGE_TABLES.includes(name) && belongsToSnapshot(database, name))
}

function belongsToSnapshot(database: Database.Database, table: string): boolean {
  const keys = database.pragma(`foreign_key_list(${table})`) as {
    table: string
    from: string
    on_delete: string
  }[]
  return keys.some(
    (key) => key.table === 'snapshot' && key.from === 'snapshot_id' && key.on_delete === 'CASCADE',
  )
}
