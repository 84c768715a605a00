import { setTimeout as sleep } from 'node:timers/promises'

import type Database from 'better-sqlite3'

import { BUSY_TIMEOUT_MS } from './database.ts'

const RETRY_MS = 5

/** Hears of the writes of a connection. */
export interface WriteWatch {
  /** A transaction was committed, or rolled back. */
  wrote(seconds: number): void
  /** Another connection writes. */
  waited(): void
}

const WATCH = Symbol('watch')

type WatchedDatabase = Database.Database & { [WATCH]?: WriteWatch }

/** Has somebody hear of all writes of a connection from now on. */
export function watchWrites(database: WatchedDatabase, watch: WriteWatch): void {
  database[WATCH] = watch
}

/** How a transaction is run. */
export interface WriteOptions {
  /** False for what may be lost in a power cut: no fsync then holds up the thread. */
  readonly durable: boolean
}

/**
 * Runs a transaction as soon as no other connection writes. Waiting happens between tries and not inside SQLite, so that the thread goes
 * on serving meanwhile.
 * @throws whatever the transaction throws, and SQLITE_BUSY after {@link BUSY_TIMEOUT_MS}
 */
export async function runWrite<T>(
  database: WatchedDatabase,
  transaction: () => T,
  { durable }: WriteOptions,
): Promise<T> {
  const giveUpAt = performance.now() + BUSY_TIMEOUT_MS
  for (;;) {
    database.pragma('busy_timeout = 0')
    database.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
    const startedAt = performance.now()
    let isBusy = false
    try {
      return database.transaction(transaction).immediate()
    } catch (error) {
      isBusy = (error as { code?: string }).code?.startsWith('SQLITE_BUSY') === true
      if (!isBusy || performance.now() > giveUpAt) throw error
    } finally {
      if (isBusy) database[WATCH]?.waited()
      else database[WATCH]?.wrote((performance.now() - startedAt) / 1000)
      database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
    }
    await sleep(RETRY_MS)
  }
}
