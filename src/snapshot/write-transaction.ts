import { setTimeout as sleep } from 'node:timers/promises'

import type Database from 'better-sqlite3'

import { BUSY_TIMEOUT_MS } from './database.ts'

const RETRY_MS = 5
/** By `exec`: `pragma` makes a statement of each, which takes twenty times as long. */
const RESTORE_TIMEOUT = `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`

/** Hears of the writes of a connection. */
export interface WriteWatch {
  /** A transaction was committed, or rolled back. */
  wrote(seconds: number): void
  /** Another connection writes. */
  waited(): void
}

/** What is kept of a connection. */
interface Kept {
  watch?: WriteWatch
  /** Runs what it is given in a transaction: to be made for each write would cost it more than to begin one. */
  run?: Database.Transaction<(transaction: () => unknown) => unknown>
  /** As it was set last; undefined: as whoever opened the connection left it. */
  synchronous?: 'FULL' | 'NORMAL'
}

const KEPT = Symbol('kept')

type KeptDatabase = Database.Database & { [KEPT]?: Kept }

/** Has somebody hear of all writes of a connection from now on. */
export function watchWrites(database: KeptDatabase, watch: WriteWatch): void {
  keptOf(database).watch = watch
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
  database: KeptDatabase,
  transaction: () => T,
  { durable }: WriteOptions,
): Promise<T> {
  const kept = keptOf(database)
  const giveUpAt = performance.now() + BUSY_TIMEOUT_MS
  for (;;) {
    database.exec('PRAGMA busy_timeout = 0')
    setSynchronous(database, kept, durable ? 'FULL' : 'NORMAL')
    const startedAt = performance.now()
    let isBusy = false
    try {
      kept.run ??= database.transaction((all: () => unknown) => all())
      return kept.run.immediate(transaction) as T
    } catch (error) {
      isBusy = isBusyError(error)
      if (!isBusy || performance.now() > giveUpAt) throw error
    } finally {
      if (isBusy) kept.watch?.waited()
      else kept.watch?.wrote((performance.now() - startedAt) / 1000)
      database.exec(RESTORE_TIMEOUT)
    }
    await sleep(RETRY_MS)
  }
}

/** Whether it says that another connection writes. */
export function isBusyError(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code?.startsWith('SQLITE_BUSY') === true
}

function keptOf(database: KeptDatabase): Kept {
  return (database[KEPT] ??= {})
}

function setSynchronous(database: Database.Database, kept: Kept, synchronous: 'FULL' | 'NORMAL'): void {
  if (kept.synchronous === synchronous) return
  database.exec(`PRAGMA synchronous = ${synchronous}`)
  kept.synchronous = synchronous
}
