import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Snapshot } from '../store.ts'
import { AskedNames } from './asked-names.ts'
import { createUsageClient, UsageTally, type UsageClient } from './usage-tally.ts'
import type { UsageStore } from './usage.ts'

/** How long what was counted may wait in memory: so much is lost when a process is killed, in milliseconds. */
const FLUSH_MS = 10_000
/** Package names stored in one transaction: a millisecond or two of the serving thread. */
const NAMES_AT_ONCE = 500
/** How often what is old is looked for, in milliseconds. */
const PRUNE_MS = 3_600_000

/** What a recorder is built from. */
export interface UsageRecorderOptions {
  readonly store: UsageStore
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told when the store has not taken what was counted; it is tried again. */
  readonly onError: (error: unknown) => void
}

/** Counts who uses what, in memory while requests are answered, and adds it to the store every few seconds. */
export class UsageRecorder {
  readonly #options: UsageRecorderOptions
  readonly #timer: NodeJS.Timeout
  readonly #names = new AskedNames()
  #tally = new UsageTally()
  #stored: Promise<void> = Promise.resolve()
  #flushing = false
  #prunedAt = Number.NEGATIVE_INFINITY

  constructor(options: UsageRecorderOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#tend(), FLUSH_MS).unref()
  }

  /** Prepares a client, once for many {@link record}s: by its address and its User-Agent. */
  identify(address: string, userAgent: string | undefined): UsageClient {
    return createUsageClient(this.#options.store.seed, address, userAgent)
  }

  /** Counts a request of a snapshot that got so many bytes, or several that got them together. */
  record(
    snapshot: Pick<Snapshot, 'id' | 'mirrorId'>,
    client: UsageClient,
    bytes: number,
    requests = 1,
  ): void {
    this.#tally.count(snapshot, client, bytes, this.#options.now(), requests)
    if (this.#tally.isFull && !this.#flushing) void this.#flushEarly()
  }

  /** Notes that a package of this name was asked for, whatever came of it. */
  recordName({ mirrorId }: Pick<Snapshot, 'mirrorId'>, name: string): void {
    this.#names.note(mirrorId, name, this.#options.now())
  }

  /** Resolves when the store has all that was counted before. Throws what the store throws; nothing is lost then. */
  async flush(): Promise<void> {
    const stored = this.#stored.then(() => this.#store())
    this.#stored = stored.catch(() => undefined)
    await stored
  }

  /** Stores what is left. Nothing is counted after that. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush().catch(this.#options.onError)
  }

  async #store(): Promise<void> {
    const parts = this.#tally.split()
    this.#tally = new UsageTally()
    while (parts[0] !== undefined) {
      try {
        await this.#options.store.add(parts[0].toBatch())
      } catch (error) {
        const later = this.#tally
        this.#tally = new UsageTally()
        for (const left of [...parts, later]) this.#tally.absorb(left)
        throw error
      }
      // Between two of them requests have their turn.
      if (parts.length > 1) await nextTurn()
      parts.shift()
    }
    await this.#storeNames()
  }

  async #storeNames(): Promise<void> {
    let names = this.#names.take()
    while (names.length > 0) {
      try {
        await this.#options.store.add({ snapshots: [], clients: [], names: names.slice(0, NAMES_AT_ONCE) })
      } catch (error) {
        this.#names.putBack(names)
        throw error
      }
      names = names.slice(NAMES_AT_ONCE)
      if (names.length > 0) await nextTurn()
    }
  }

  /** A tally is full sooner than the clock says: clients come by the thousand. */
  async #flushEarly(): Promise<void> {
    this.#flushing = true
    try {
      await this.flush()
      this.#flushing = false
    } catch (error) {
      // Not with every further request: the next try is the timer's.
      this.#options.onError(error)
    }
  }

  async #tend(): Promise<void> {
    this.#flushing = false
    try {
      await this.flush()
      const nowMs = performance.now()
      if (nowMs - this.#prunedAt < PRUNE_MS) return
      this.#prunedAt = nowMs
      await this.#options.store.prune(this.#options.now())
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
