import { setImmediate as nextTurn } from 'node:timers/promises'

import type Database from 'better-sqlite3'

import type { BlobLedger, BlobTotal } from '../../cache/blob-ledger.ts'
import type { Digest } from '../../model/digest.ts'
import { prepareBlobs, type BlobStatements } from './sql-blobs.ts'
import { runWrite } from '../write-transaction.ts'

/** Blobs touched in one transaction: a millisecond or two. */
const TOUCHED_AT_ONCE = 100

/**
 * The account of blobs in the snapshots' database, so that what a snapshot lists and what is stored are seen at one moment. Its lock is
 * the database's write lock. An entry that a power cut takes back, or leaves without its file, is mended by the next collection.
 */
export class SqliteBlobLedger implements BlobLedger {
  readonly #database: Database.Database
  readonly #statements: BlobStatements
  readonly #now: () => number

  /** @param now milliseconds since the epoch */
  constructor(database: Database.Database, now: () => number) {
    this.#database = database
    this.#statements = prepareBlobs(database)
    this.#now = now
  }

  async add(digest: Digest, size: number, put: () => void): Promise<void> {
    await this.#write(() => {
      put()
      this.#statements.add.run({ digest, size, atMs: this.#now() })
    })
  }

  async drop(digest: Digest, remove: () => boolean): Promise<boolean> {
    return await this.#write(() => {
      this.#statements.remove.run({ digest })
      return remove()
    })
  }

  async keep(digest: Digest, findSize: () => number | undefined): Promise<number | undefined> {
    // Most blobs that a sync needs are not there: that takes no lock.
    if (findSize() === undefined) return undefined
    return await this.#write(() => {
      const size = findSize()
      if (size === undefined) this.#statements.remove.run({ digest })
      else this.#statements.add.run({ digest, size, atMs: this.#now() })
      return size
    })
  }

  async touch(digests: readonly Digest[], atMs: number): Promise<void> {
    for (let at = 0; at < digests.length; at += TOUCHED_AT_ONCE) {
      // Between two transactions requests have their turn.
      if (at > 0) await nextTurn()
      const some = digests.slice(at, at + TOUCHED_AT_ONCE)
      await this.#write(() => {
        for (const digest of some) this.#statements.touch.run({ digest, atMs })
      })
    }
  }

  find(digest: Digest): { readonly size: number; readonly usedAt: number } | undefined {
    return this.#statements.find.get({ digest }) as { size: number; usedAt: number } | undefined
  }

  total(): BlobTotal {
    return this.#statements.total.get() as BlobTotal
  }

  async #write<T>(transaction: () => T): Promise<T> {
    return await runWrite(this.#database, transaction, { durable: false })
  }
}
