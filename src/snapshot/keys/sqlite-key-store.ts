import type Database from 'better-sqlite3'

import { runWrite } from '../write-transaction.ts'
import type { FetchedKeys, KeyStore } from './key-store.ts'
import type { KeyStatements } from './sql-keys.ts'

/** Fetched keys in the snapshots' database. */
export class SqliteKeyStore implements KeyStore {
  readonly #database: Database.Database
  readonly #statements: KeyStatements

  constructor(database: Database.Database, statements: KeyStatements) {
    this.#database = database
    this.#statements = statements
  }

  async fetchedKeys(url: string): Promise<FetchedKeys | undefined> {
    return this.#find(url)
  }

  async trustKeys(keys: FetchedKeys): Promise<FetchedKeys> {
    const write = () => {
      this.#statements.add.run(toRow(keys))
      return this.#find(keys.url) ?? keys
    }
    return await runWrite(this.#database, write, { durable: true })
  }

  async renewKeys(keys: FetchedKeys): Promise<void> {
    const { url, keys: bytes, checkedAt, strangers } = toRow(keys)
    const write = () => this.#statements.renew.run({ url, keys: bytes, checkedAt, strangers })
    await runWrite(this.#database, write, { durable: true })
  }

  async forgetKeys(except: readonly string[]): Promise<void> {
    const urls = this.#statements.urls.all().map((row) => (row as { url: string }).url)
    const gone = urls.filter((url) => !except.includes(url))
    if (gone.length === 0) return
    const write = () => gone.forEach((url) => this.#statements.forget.run({ url }))
    await runWrite(this.#database, write, { durable: true })
  }

  #find(url: string): FetchedKeys | undefined {
    const row = this.#statements.find.get({ url }) as (FetchedKeys & { strangers: string }) | undefined
    return row && { ...row, strangers: row.strangers.split(' ').filter(Boolean) }
  }
}

function toRow({
  strangers,
  ...columns
}: FetchedKeys): Omit<FetchedKeys, 'strangers'> & { strangers: string } {
  return { ...columns, strangers: strangers.join(' ') }
}
