import { hash } from 'node:crypto'
import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'

import Database from 'better-sqlite3'

const SCHEMA = `
  CREATE TABLE snapshot (id INTEGER PRIMARY KEY, mirror TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (mirror, name)) STRICT;
  CREATE TABLE file (snapshot_id INTEGER NOT NULL, path_hash INTEGER NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL) STRICT;
  CREATE INDEX file_by_path ON file (snapshot_id, path_hash);
  INSERT INTO snapshot (mirror, name) VALUES ('mirror', 'snapshot')`

const CLAIMS = 'CREATE TABLE claim (name TEXT PRIMARY KEY, detail TEXT NOT NULL) STRICT, WITHOUT ROWID'

/**
 * What a server that pins, and lets one process alone fetch a file, cannot do without before it asks upstream: it finds the snapshot and what that lists,
 * looks whether it is stored, and claims it, each as briefly as SQLite and the kernel do that.
 */
export class PromisedFiles {
  readonly #dir: string
  readonly #findSnapshot: Database.Statement<[string, string], { readonly id: number }>
  readonly #findFile: Database.Statement<[number, number, string], { readonly digest: string }>
  readonly #claim: Database.Statement<[string, string]>
  readonly #release: Database.Statement<[string]>

  /**
   * @param dir for the databases; where files are stored
   * @param root whose files the one snapshot lists, each with a digest that is its path's and not its own
   */
  constructor(dir: string, root: string) {
    this.#dir = dir
    const files = open(join(dir, 'files.db'), SCHEMA)
    const claims = open(join(dir, 'claims.db'), CLAIMS)
    const insert = files.prepare('INSERT INTO file VALUES (1, ?, ?, ?)')
    const paths = globSync('**/*', { cwd: root }).map((name) => `/${name}`)
    files.transaction(() => {
      for (const path of paths) insert.run(toPathHash(path), path, hash('sha256', path))
    })()
    this.#findSnapshot = files.prepare('SELECT id FROM snapshot WHERE mirror = ? AND name = ?')
    this.#findFile = files.prepare(
      'SELECT digest FROM file WHERE snapshot_id = ? AND path_hash = ? AND path = ?',
    )
    this.#claim = claims.prepare('INSERT INTO claim VALUES (?, ?) ON CONFLICT DO NOTHING')
    this.#release = claims.prepare('DELETE FROM claim WHERE name = ?')
  }

  /**
   * Finds and claims a file; what is stored is fetched all the same.
   * @param location where its bytes will be
   * @returns what gives the claim up; undefined for what is not listed
   */
  claim(path: string, location: string): (() => void) | undefined {
    const snapshot = this.#findSnapshot.get('mirror', 'snapshot')
    const file = snapshot && this.#findFile.get(snapshot.id, toPathHash(path), path)
    if (file === undefined) return undefined
    const { digest } = file
    statSync(join(this.#dir, digest), { throwIfNoEntry: false })
    this.#claim.run(digest, location)
    return () => this.#release.run(digest)
  }
}

function open(path: string, schema: string): Database.Database {
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = NORMAL')
  database.exec(schema)
  return database
}

/** 48 bits: the key of an index is short, however long paths are. */
function toPathHash(path: string): number {
  return Number.parseInt(hash('sha1', path).slice(0, 12), 16)
}
