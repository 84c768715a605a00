import { hash } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'

import Database from 'better-sqlite3'

import { PinyonError, describeCorrupt, toPinyonError } from '../model/errors.ts'
import { hasInventory, inventoryBeside } from './inventory/inventory-files.ts'

const MIGRATIONS = new URL('./migrations/', import.meta.url)

/** How long another connection's transaction is waited for, in milliseconds. */
export const BUSY_TIMEOUT_MS = 30_000

/**
 * Opens the database and brings its schema up to date: the files of migrations/ in order, each in one transaction, numbered by
 * `user_version`. A database newer than this program is refused.
 * @param fresh whether a new one is meant, although there is an inventory of another beside it
 * @throws PinyonError STORE_CORRUPT for a file that is damaged or no database, and for one that is gone while its inventory is there;
 *   STORE_FAILED when it cannot be opened
 */
export function openDatabase(file: string, { fresh = false } = {}): Database.Database {
  try {
    if (!fresh) refuseLost(file)
    return prepareDatabase(file, new Database(file, { timeout: BUSY_TIMEOUT_MS }))
  } catch (error) {
    throw describeOpening(file, error)
  }
}

/** What kept a database from being opened: STORE_CORRUPT for one that is damaged, STORE_FAILED for anything else that has no name of its own. */
export function describeOpening(file: string, error: unknown): PinyonError {
  if (error instanceof PinyonError) return error
  const { code } = toPinyonError(error)
  if (code === 'STORE_CORRUPT')
    return new PinyonError(code, describeCorrupt(file, (error as Error).message), { cause: error })
  return new PinyonError('STORE_FAILED', `opening ${file}: ${(error as Error).message}`, { cause: error })
}

/** The number of the schema that this program brings a database to, and the last one that it can read. */
export function knownSchema(): number {
  return listMigrations().length
}

/**
 * SQLite would begin anew without a word, and with it the farm; and its inventory would then say that there is nothing.
 * @throws PinyonError STORE_CORRUPT
 */
export function refuseLost(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size
  const inventory = inventoryBeside(file)
  if ((size !== undefined && size > 0) || !hasInventory(inventory)) return
  const ways = `\`pinyon verify --rebuild\` makes it anew; to begin without it, move ${basename(inventory)} away`
  const found = `${basename(inventory)} in ${dirname(file)} tells what it held; ${ways}: ${file} is ${size === 0 ? 'empty' : 'gone'}`
  throw new PinyonError('STORE_CORRUPT', `the database is lost, and ${found}`)
}

function prepareDatabase(file: string, database: Database.Database): Database.Database {
  try {
    database.pragma('journal_mode = WAL')
    // Commits that must survive a power cut ask for more: see write-transaction.ts.
    database.pragma('synchronous = NORMAL')
    database.pragma('foreign_keys = ON')
    database.function('href_hash', { deterministic: true }, (href: unknown) => hashHref(String(href)))
    migrate(database, file)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function listMigrations(): readonly string[] {
  return readdirSync(MIGRATIONS)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .toSorted()
}

function migrate(database: Database.Database, file: string): void {
  const migrations = listMigrations()
  database
    .transaction(() => {
      const version = database.pragma('user_version', { simple: true }) as number
      if (version > migrations.length)
        throw new PinyonError('STORE_FAILED', `${file} was written by a newer pinyon: schema ${version}`)
      for (const name of migrations.slice(version)) {
        database.exec(readFileSync(new URL(name, MIGRATIONS), 'utf8'))
        database.pragma(`user_version = ${Number(name.slice(0, 4))}`)
      }
    })
    .immediate()
}

/** 48 bits of an href's sha1: the key of the package index. Cryptographic, so that no upstream can make hrefs collide cheaply. */
export function hashHref(href: string): number {
  const bytes = hash('sha1', href, 'binary')
  let value = 0
  for (let at = 0; at < 6; at += 1) value = value * 256 + bytes.charCodeAt(at)
  return value
}
