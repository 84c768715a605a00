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

/** How soon a release that could not be written (a full disk) is tried again, in milliseconds. */
const RELEASE_RETRY_MS = 1_000

/**
 * How long {@link Claims.find} takes a process for alive that it found so, in milliseconds. Finding out costs 0.4 ms, and those who
 * follow a fill ask a hundred times a second.
 */
const ALIVE_FOR_MS = 250

/** A process's lock file, or what SQLite keeps beside it. */
const ALIVE_FILE = /^([0-9a-f]{16})\.alive(-journal)?$/

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
  readonly #insert: Database.Statement<[string, string, string]>
  readonly #takeOver: Database.Statement<[string, string, string, string]>
  readonly #find: Database.Statement<[string], ClaimHolder>
  readonly #note: Database.Statement<[string, string, string]>
  readonly #release: Database.Statement<[string, string]>
  /** What this process holds, by name: a row of ours without an entry is one whose release could not be written. */
  readonly #held = new Map<string, symbol>()
  /** Until when other processes count as alive, by performance.now(). */
  readonly #aliveUntil = new Map<string, number>()

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
    this.#insert = database.prepare(
      'INSERT INTO claim (name, owner, detail) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#takeOver = database.prepare('UPDATE claim SET owner = ?, detail = ? WHERE name = ? AND owner = ?')
    this.#find = database.prepare('SELECT owner, detail FROM claim WHERE name = ?')
    this.#note = database.prepare('UPDATE claim SET detail = ? WHERE name = ? AND owner = ?')
    this.#release = database.prepare('DELETE FROM claim WHERE name = ? AND owner = ?')
    this.#sweep()
  }

  /**
   * Claims a name; undefined while a living process (this one included) holds it.
   * @param detail what {@link Claim.note} would tell first
   */
  tryClaim(name: string, detail = ''): Claim | undefined {
    if (this.#held.has(name) || !this.#take(name, detail)) return undefined
    const mark = Symbol(name)
    this.#held.set(name, mark)
    return {
      note: (detail) => {
        if (this.#held.get(name) === mark) this.#note.run(detail, name, this.processId)
      },
      release: () => {
        if (this.#held.get(name) !== mark) return
        this.#held.delete(name)
        this.#giveUp(name)
      },
    }
  }

  /** The living holder of a claim, or undefined when nobody holds it. That a holder died shows within a quarter of a second. */
  find(name: string): ClaimHolder | undefined {
    const holder = this.#find.get(name)
    return holder !== undefined && this.#wasAlive(holder.owner) ? holder : undefined
  }

  /**
   * Whether the process with this id still runs. A dead one's lock file is removed on the way. One whose lock cannot be looked at
   * (no more files may be opened, say) counts as alive: nothing may be taken from it.
   */
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
    } catch {
      return existsSync(file)
    }
  }

  /** The other processes that live now. */
  others(): string[] {
    const ids = new Set(readdirSync(this.#directory).map((file) => ALIVE_FILE.exec(file)?.[1]))
    return [...ids].filter((id) => id !== undefined && id !== this.processId && this.isAlive(id)) as string[]
  }

  /** Ends this process's claims and its sign of life; harmless when repeated. */
  close(): void {
    if (!this.#database.open) return
    this.#held.clear()
    const { processId } = this
    // On a disk that takes no writes they stay behind, and die with the sign of life; whoever comes next removes that as a dead one's.
    attempt(() => this.#database.prepare('DELETE FROM claim WHERE owner = ?').run(processId))
    this.#database.close()
    this.#alive.close()
    attempt(() => rmSync(this.#aliveFile(processId), { force: true }))
  }

  /** As {@link isAlive}, but remembers for a moment. */
  #wasAlive(processId: string): boolean {
    const now = performance.now()
    if (now < (this.#aliveUntil.get(processId) ?? 0)) return true
    const alive = this.isAlive(processId)
    if (alive) this.#aliveUntil.set(processId, now + ALIVE_FOR_MS)
    else this.#aliveUntil.delete(processId)
    return alive
  }

  /** Makes a claim's row ours, if no other living process has it. */
  #take(name: string, detail: string): boolean {
    if (this.#insert.run(name, this.processId, detail).changes > 0) return true
    const holder = this.#find.get(name)
    // Given up just now: whoever asks again gets it.
    if (holder === undefined) return this.#insert.run(name, this.processId, detail).changes > 0
    if (holder.owner !== this.processId && this.isAlive(holder.owner)) return false
    // Compare and swap: of several that found the owner dead, one wins.
    return this.#takeOver.run(this.processId, detail, name, holder.owner).changes > 0
  }

  /** Deletes a claim's row; later, when that is not possible now, so that no other process follows it for ever. */
  #giveUp(name: string): void {
    if (!this.#database.open || this.#held.has(name)) return
    try {
      this.#release.run(name, this.processId)
    } catch {
      setTimeout(() => this.#giveUp(name), RELEASE_RETRY_MS).unref()
    }
  }

  #aliveFile(processId: string): string {
    return join(this.#directory, `${processId}.alive`)
  }

  /** Locks a lock file of our own. One that was swept between its creation and its lock is no sign of life: take another. */
  #becomeAlive(): { id: string; lock: Database.Database } {
    for (;;) {
      const id = randomBytes(8).toString('hex')
      const lock = new Database(this.#aliveFile(id))
      let failure: unknown
      try {
        lock.exec('BEGIN EXCLUSIVE')
      } catch (error) {
        // SQLite may itself notice that the file has gone.
        failure = error
      }
      if (failure === undefined && existsSync(this.#aliveFile(id))) return { id, lock }
      lock.close()
      if (failure !== undefined && existsSync(this.#aliveFile(id))) throw failure
    }
  }

  /** Forgets dead processes: their lock files and their claims. */
  #sweep(): void {
    for (const file of readdirSync(this.#directory)) {
      const id = ALIVE_FILE.exec(file)?.[1]
      if (id !== undefined) this.isAlive(id)
    }
    const owners = this.#database.prepare('SELECT DISTINCT owner FROM claim').pluck().all() as string[]
    const remove = this.#database.prepare('DELETE FROM claim WHERE owner = ?')
    for (const owner of owners) if (!this.isAlive(owner)) remove.run(owner)
  }
}

/** Does what need not succeed. */
function attempt(action: () => unknown): void {
  try {
    action()
  } catch {
    // As said there.
  }
}
