import { setImmediate as nextTurn } from 'node:timers/promises'

import type Database from 'better-sqlite3'

import type { BlobLedger, BlobTotal } from '../../cache/blob-ledger.ts'
import type { Digest } from '../../model/digest.ts'
import { prepareBlobs, type BlobStatements } from './sql-blobs.ts'
import { isBusyError, runWrite } from '../write-transaction.ts'

/** Blobs touched in one transaction: a millisecond or two. */
const TOUCHED_AT_ONCE = 100
/** Blobs named and entered in one: as long. */
const ADDED_AT_ONCE = 30

/** A blob that is to be named and entered. */
interface Addition {
  readonly digest: Digest
  readonly size: number
  readonly put: () => void
  readonly settle: (failure?: unknown) => void
}

/**
 * The account of blobs in the snapshots' database, so that what a snapshot lists and what is stored are seen at one moment. Its lock is
 * the database's write lock. An entry that a power cut takes back, or leaves without its file, is mended by the next collection.
 */
export class SqliteBlobLedger implements BlobLedger {
  readonly #database: Database.Database
  readonly #statements: BlobStatements
  readonly #now: () => number
  readonly #additions: Addition[] = []
  #isAdding = false

  /** @param now milliseconds since the epoch */
  constructor(database: Database.Database, now: () => number) {
    this.#database = database
    this.#statements = prepareBlobs(database)
    this.#now = now
  }

  /** Those that come in one turn are entered together: a transaction costs as much as ten entries. */
  add(digest: Digest, size: number, put: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (failure?: unknown) => (failure === undefined ? resolve() : reject(failure))
      this.#additions.push({ digest, size, put, settle })
      if (!this.#isAdding) void this.#addAll()
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

  /** Never rejects: whoever adds is told. */
  async #addAll(): Promise<void> {
    this.#isAdding = true
    await nextTurn()
    while (this.#additions.length > 0) {
      const some = this.#additions.splice(0, ADDED_AT_ONCE)
      const behind = this.#additions.length
      try {
        const failures = await this.#write(() => some.map((one) => this.#enter(one)))
        for (const [at, { settle }] of some.entries()) settle(failures[at])
      } catch (error) {
        // Those behind them have waited as long for whoever writes.
        const asLong = isBusyError(error) ? this.#additions.splice(0, behind) : []
        for (const { settle } of [...some, ...asLong]) settle(error)
      }
      if (this.#additions.length > 0) await nextTurn()
    }
    this.#isAdding = false
  }

  /** What cannot be named fails alone. @returns why not */
  #enter({ digest, size, put }: Addition): unknown {
    try {
      put()
    } catch (error) {
      return error
    }
    this.#statements.add.run({ digest, size, atMs: this.#now() })
    return undefined
  }

  async #write<T>(transaction: () => T): Promise<T> {
    return await runWrite(this.#database, transaction, { durable: false })
  }
}
