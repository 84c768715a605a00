import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import Database from 'better-sqlite3'

/** Something only one process at a time may do, such as filling one blob or syncing one mirror. */
export interface Claim {
  /** Tells other processes what they need to follow the work, e.g. where its bytes grow. */
  note(detail: string): void
  /** Gives the claim up; harmless when repeated. */
  release(): void
}

/** Who holds a claim, and what it noted. */
export interface ClaimHolder {
  readonly owner: string
  readonly detail: string
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS claim (
    name   TEXT PRIMARY KEY,
    owner  TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT ''
  ) STRICT, WITHOUT ROWID`

/**
 * Claims that processes sharing a data directory make against each other. A claim dies with its process: each process holds
 * an operating system lock (through SQLite) on `<id>.alive` as long as it lives, and a claim whose owner's lock is free may be taken
 * over. They have a database of their own, so that a fill never waits for a snapshot being committed.
 */
export class Claims {
  /** Names this process in claims and temporary files: 16 hexadecimal digits. */
  readonly processId: string
  readonly #directory: string
  readonly #database: Database.Database
  readonly #alive: Database.Database
  readonly #insert: Database.Statement<[string, string]>
  readonly #takeOver: Database.Statement<[string, string, string]>
  readonly #find: Database.Statement<[string], ClaimHolder>
  readonly #note: Database.Statement<[string, string, string]>
  readonly #release: Database.Statement<[string, string]>

  /** @param directory where the lock files go; made when missing */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true })
    this.#directory = directory
    const { id, lock } = this.#becomeAlive()
    this.processId = id
    this.#alive = lock
    const database = new Database(join(directory, 'claims.db'), { timeout: 10_000 })
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    database.exec(SCHEMA)
    this.#database = database
    this.#insert = database.prepare('INSERT INTO claim (name, owner) VALUES (?, ?) ON CONFLICT DO NOTHING')
    this.#takeOver = database.prepare("UPDATE claim SET owner = ?, detail = '' WHERE name = ? AND owner = ?")
    this.#find = database.prepare('SELECT owner, detail FROM claim WHERE name = ?')
    this.#note = database.prepare('UPDATE claim SET detail = ? WHERE name = ? AND owner = ?')
    this.#release = database.prepare('DELETE FROM claim WHERE name = ? AND owner = ?')
    this.#sweep()
  }

  /** Claims a name; undefined while a living process (this one included) holds it. */
  tryClaim(name: string): Claim | undefined {
    if (this.#insert.run(name, this.processId).changes === 0) {
      const holder = this.#find.get(name)
      if (holder === undefined) return this.tryClaim(name)
      if (this.isAlive(holder.owner)) return undefined
      // Compare and swap: of several that found the owner dead, one wins.
      if (this.#takeOver.run(this.processId, name, holder.owner).changes === 0) return undefined
    }
    return {
      note: (detail) => void this.#note.run(detail, name, this.processId),
      release: () => void (this.#database.open && this.#release.run(name, this.processId)),
    }
  }

  /** The living holder of a claim, or undefined when nobody holds it. */
  find(name: string): ClaimHolder | undefined {
    const holder = this.#find.get(name)
    return holder !== undefined && this.isAlive(holder.owner) ? holder : undefined
  }

  /** Whether the process with this id still runs. A dead one's lock file is removed on the way. */
  isAlive(processId: string): boolean {
    if (processId === this.processId) return true
    const file = this.#aliveFile(processId)
    if (!existsSync(file)) return false
    try {
      const probe = new Database(file, { fileMustExist: true, timeout: 0 })
      try {
        probe.exec('BEGIN IMMEDIATE')
        rmSync(file, { force: true })
        return false
      } finally {
        probe.close()
      }
    } catch (error) {
      return (error as { code?: string }).code?.startsWith('SQLITE_BUSY') === true
    }
  }

  /** Ends this process's claims and its sign of life. */
  close(): void {
    this.#database.prepare('DELETE FROM claim WHERE owner = ?').run(this.processId)
    this.#database.close()
    this.#alive.close()
    rmSync(this.#aliveFile(this.processId), { force: true })
  }

  #aliveFile(processId: string): string {
    return join(this.#directory, `${processId}.alive`)
  }

  /** Locks a lock file of our own. One that was swept between its creation and its lock is no sign of life: take another. */
  #becomeAlive(): { id: string; lock: Database.Database } {
    for (;;) {
      const id = randomBytes(8).toString('hex')
      const lock = new Database(this.#aliveFile(id))
      lock.exec('BEGIN EXCLUSIVE')
      if (existsSync(this.#aliveFile(id))) return { id, lock }
      lock.close()
    }
  }

  /** Forgets dead processes: their lock files and their claims. */
  #sweep(): void {
    for (const file of readdirSync(this.#directory)) {
      const id = /^([0-9a-f]{16})\.alive(-journal)?$/.exec(file)?.[1]
      if (id !== undefined) this.isAlive(id)
    }
    const owners = this.#database.prepare('SELECT DISTINCT owner FROM claim').pluck().all() as string[]
    const remove = this.#database.prepare('DELETE FROM claim WHERE owner = ?')
    for (const owner of owners) if (!this.isAlive(owner)) remove.run(owner)
  }
}
