import type Database from 'better-sqlite3'

import type { MirrorClient, MirrorUse } from './removal.ts'

// Statements about who holds on to a mirror.

const REMOVAL = {
  usedSince: `SELECT u.client, u.agent, u.last_seen AS lastSeen FROM client_usage u
    JOIN mirror m ON m.id = u.mirror_id
    WHERE m.name = :mirror AND u.last_seen >= :sinceMs ORDER BY u.last_seen DESC, u.client LIMIT 1000`,
  snapshotUsedSince: `SELECT max(u.last_seen) AS lastSeen FROM snapshot_usage u
    JOIN snapshot s ON s.id = u.snapshot_id JOIN mirror m ON m.id = s.mirror_id
    WHERE m.name = :mirror AND u.last_seen >= :sinceMs`,
  viewsHolding: `SELECT v.name FROM view v
    JOIN current_span c ON c.first_generation <= v.generation
      AND (c.last_generation IS NULL OR c.last_generation >= v.generation)
    JOIN mirror m ON m.id = c.mirror_id
    WHERE m.name = :mirror AND v.expires_at > :farmNowMs ORDER BY v.name LIMIT 1000`,
} as const

/** What is recorded of requests and views, read from one SQLite database. */
export class SqliteMirrorUse implements MirrorUse {
  readonly #usedSince: Database.Statement
  readonly #snapshotUsedSince: Database.Statement
  readonly #viewsHolding: Database.Statement
  readonly #farmNowMs: () => number

  /** @param farmNowMs the farm's clock, by which views end */
  constructor(database: Database.Database, farmNowMs: () => number) {
    this.#farmNowMs = farmNowMs
    this.#usedSince = database.prepare(REMOVAL.usedSince)
    this.#snapshotUsedSince = database.prepare(REMOVAL.snapshotUsedSince)
    this.#viewsHolding = database.prepare(REMOVAL.viewsHolding)
  }

  async usedSince(mirror: string, sinceMs: number): Promise<readonly MirrorClient[]> {
    const clients = this.#usedSince.all({ mirror, sinceMs }) as MirrorClient[]
    if (clients.length > 0) return clients
    // Clients are forgotten where there are too many; their snapshots still know that there were some.
    const { lastSeen } = this.#snapshotUsedSince.get({ mirror, sinceMs }) as { lastSeen: number | null }
    return lastSeen === null ? [] : [{ client: 'a client that was not noted', agent: '', lastSeen }]
  }

  async viewsHolding(mirror: string): Promise<readonly { readonly name: string }[]> {
    return this.#viewsHolding.all({ mirror, farmNowMs: this.#farmNowMs() }) as { name: string }[]
  }
}
