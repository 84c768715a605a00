import { existsSync, statSync } from 'node:fs'

import Database from 'better-sqlite3'

import { describeOpening, knownSchema, refuseLost } from './database.ts'

/** What a database says of itself to whoever only looks. */
export interface DatabaseLook {
  /** Of this number; 0 for a file in which nothing was made yet. */
  readonly schema: number
  /** What this program brings it to, and the last one that it can read. */
  readonly knownSchema: number
  /** What is in it; undefined where the schema is another. */
  readonly held: DatabaseHeld | undefined
}

/** What a database holds. */
export interface DatabaseHeld {
  readonly mirrors: number
  readonly generation: number
  /** The latest moment that it knows, in milliseconds since the epoch; 0 when it knows none. */
  readonly newestMs: number
  /** Mirrors that are configured and whose last look upstream failed, by name. */
  readonly failed: ReadonlyMap<string, FailedLook>
}

/** How a look upstream failed. */
export interface FailedLook {
  readonly error: string
  /** Milliseconds since the epoch. */
  readonly atMs: number
  /** Looks that failed since one did not; 0 when that was not noted. */
  readonly failures: number
  /** Whether any look did not fail. */
  readonly hasSucceeded: boolean
}

const LOOK = `SELECT
  (SELECT count(*) FROM mirror m WHERE m.removed_at IS NULL
    OR EXISTS (SELECT 1 FROM snapshot s WHERE s.mirror_id = m.id AND s.retired_at IS NULL)) AS mirrors,
  (SELECT coalesce(max(number), 0) FROM generation) AS generation,
  max((SELECT coalesce(max(created_at), 0) FROM generation),
    (SELECT coalesce(max(checked_at), 0) FROM mirror),
    (SELECT coalesce(max(s.created_at), 0) FROM current_span c JOIN snapshot s ON s.id = c.snapshot_id
      WHERE c.last_generation IS NULL)) AS newestMs`

const FAILED = `SELECT name, error, checked_at AS atMs, succeeded_at IS NOT NULL AS hasSucceeded,
    (SELECT coalesce(sum(f.times), 0) FROM sync_check f WHERE f.mirror_id = mirror.id AND f.last_at > coalesce(
      (SELECT max(x.last_at) FROM sync_check x WHERE x.mirror_id = mirror.id AND x.outcome <> 'failed'), 0)) AS failures
  FROM mirror WHERE removed_at IS NULL AND error IS NOT NULL AND checked_at IS NOT NULL`

interface FailedRow extends Omit<FailedLook, 'hasSucceeded'> {
  readonly name: string
  readonly hasSucceeded: 0 | 1
}

/**
 * Looks at a database without changing it: an older one is not brought up to date, as whoever opens it to work with it does.
 * @returns undefined where there is none yet
 * @throws PinyonError as openDatabase
 */
export function lookAtDatabase(file: string): DatabaseLook | undefined {
  refuseLost(file)
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return undefined
  const isQuiet = !existsSync(`${file}-wal`)
  try {
    const database = new Database(file, { readonly: true, fileMustExist: true })
    try {
      const schema = database.pragma('user_version', { simple: true }) as number
      const known = knownSchema()
      const held = schema === known ? readHeld(database) : undefined
      return { schema, knownSchema: known, held }
    } finally {
      database.close()
      if (isQuiet) tidyUp(file)
    }
  } catch (error) {
    throw describeOpening(file, error)
  }
}

function readHeld(database: Database.Database): DatabaseHeld {
  const counts = database.prepare(LOOK).get() as Omit<DatabaseHeld, 'failed'>
  const rows = database.prepare(FAILED).all() as FailedRow[]
  const failed = rows.map(({ name, hasSucceeded, ...look }) => {
    return [name, { ...look, hasSucceeded: hasSucceeded === 1 }] as const
  })
  return { ...counts, failed: new Map(failed) }
}

/**
 * Who may only read leaves the two files behind that SQLite makes for any reader, and that another user's server could then not write. Who
 * may write takes them away, under SQLite's own locks, when it is the last; of the database itself it writes nothing.
 */
function tidyUp(file: string): void {
  try {
    const database = new Database(file, { fileMustExist: true, timeout: 0 })
    try {
      database.pragma('user_version')
    } finally {
      database.close()
    }
  } catch {
    // Then they stay, as they would beside any reader.
  }
}
