import type Database from 'better-sqlite3'

import { runWrite } from '../write-transaction.ts'
import type { ListingStore, StoredListing } from './listing-store.ts'
import { prepareListings, type ListingStatements } from './sql-listing.ts'

/** Lists of mirrors in the snapshots' database. Each can be had again, so that a power cut may take the last look. */
export class SqliteListingStore implements ListingStore {
  readonly #database: Database.Database
  readonly #statements: ListingStatements

  constructor(database: Database.Database) {
    this.#database = database
    this.#statements = prepareListings(database)
  }

  async listing(url: string): Promise<StoredListing | undefined> {
    const row = this.#statements.find.get({ url }) as { [Column in keyof StoredListing]: unknown } | undefined
    return (
      row && (Object.fromEntries(Object.entries(row).map(([name, one]) => [name, one ?? undefined])) as never)
    )
  }

  async checkedAfter(ms: number): Promise<readonly Pick<StoredListing, 'url' | 'checkedAt'>[]> {
    return this.#statements.checkedAfter.all({ ms }) as Pick<StoredListing, 'url' | 'checkedAt'>[]
  }

  async keepListing(listing: StoredListing): Promise<void> {
    const { etag = null, lastModified = null, reach = null, ...others } = listing
    const write = () => this.#statements.keep.run({ ...others, etag, lastModified, reach })
    await runWrite(this.#database, write, { durable: false })
  }

  async forgetListings(except: readonly string[]): Promise<void> {
    const urls = this.#statements.urls.all().map((row) => (row as { url: string }).url)
    const gone = urls.filter((url) => !except.includes(url))
    if (gone.length === 0) return
    const write = () => gone.forEach((url) => this.#statements.forget.run({ url }))
    await runWrite(this.#database, write, { durable: false })
  }
}
