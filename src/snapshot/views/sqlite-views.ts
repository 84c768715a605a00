import { setImmediate as nextTurn } from 'node:timers/promises'

import type Database from 'better-sqlite3'

import { formatDuration } from '../../model/duration.ts'
import { PinyonError } from '../../model/errors.ts'
import { toHolder } from '../../model/network.ts'
import { prepareViews, type ViewStatements } from './sql-views.ts'
import type { StoredClock } from './stored-clock.ts'
import { OpeningQueue, type WaitingOpening } from './view-openings.ts'
import { decideOpening, type Lease } from './view-rules.ts'
import type { View, ViewOpening, ViewQuery, ViewStore } from './views.ts'
import { runWrite } from '../write-transaction.ts'

/** The most views there can be, unless told otherwise. */
const MAX_VIEWS = 10_000
/** Views listed at once, unless asked otherwise. */
const DEFAULT_LIMIT = 100
/** Views that one transaction forgets at most: some two milliseconds of the thread. */
const SWEPT_AT_ONCE = 200

/** What a view's row says of its openings. */
interface LeaseRow extends Lease {
  readonly generation: number
}

/** What the openings of one transaction have in common. */
interface Batch {
  readonly nowMs: number
  readonly generation: number
  /** How many more views there can be; undefined until somebody needs one. */
  room: number | undefined
  /** When the first view ends, by the farm's clock; set once no more can be made. */
  firstEndMs: number | undefined
  /** How many views last; undefined until somebody needs one. */
  live: number | undefined
  /** What each client holds, of those that need one. */
  readonly held: Map<string, Held>
}

interface Held {
  count: number
  /** When the first of them ends, by the farm's clock. */
  readonly firstEnd: number | null
}

/** Views in the snapshot database. */
export class SqliteViews implements ViewStore {
  readonly max: number
  readonly #database: Database.Database
  readonly #statements: ViewStatements
  readonly #clock: StoredClock
  readonly #queue: OpeningQueue

  constructor(database: Database.Database, clock: StoredClock, max: number = MAX_VIEWS) {
    this.max = max
    this.#database = database
    this.#statements = prepareViews(database)
    this.#clock = clock
    this.#queue = new OpeningQueue((openings, durable) =>
      runWrite(database, () => this.#openAll(openings, durable), { durable }),
    )
  }

  async open(name: string, opening: ViewOpening): Promise<number> {
    const row = this.#lease(name)
    const decision = decideOpening(row, opening.ttlMs, this.#clock.nowMs())
    if (row !== undefined && decision.kind === 'keep') return row.generation
    if (decision.kind === 'freeze' && this.#newestGeneration() === 0) return 0
    try {
      return await this.#queue.add({ ...opening, name }, decision.kind !== 'keep' && decision.durable)
    } catch (error) {
      // A disk that takes no more must not end what a job has begun: what is frozen can be repeated without writing.
      if (decision.kind !== 'renew' || row === undefined) throw error
      return row.generation
    }
  }

  async end(name: string): Promise<boolean> {
    const end = () => {
      const nowMs = this.#clock.note()
      const lease = this.#lease(name)
      this.#statements.remove.run({ name })
      return lease !== undefined && lease.expiresAt > nowMs
    }
    if (this.#lease(name) === undefined) return false
    return await runWrite(this.#database, end, { durable: false })
  }

  async endAll(client: string): Promise<number> {
    const holder = toHolder(client)
    const endSome = () => {
      const nowMs = this.#clock.note()
      return this.#statements.removeHeld.run({ holder, nowMs, limit: SWEPT_AT_ONCE }).changes
    }
    for (let total = 0; ; await nextTurn()) {
      const ended = await runWrite(this.#database, endSome, { durable: false })
      total += ended
      if (ended < SWEPT_AT_ONCE) return total
    }
  }

  async find(name: string): Promise<View | undefined> {
    return this.#statements.find.get({ name, ...this.#now() }) as View | undefined
  }

  async list({ after = '', limit = DEFAULT_LIMIT }: ViewQuery = {}): Promise<readonly View[]> {
    return this.#statements.list.all({ after, limit, ...this.#now() }) as View[]
  }

  async count(): Promise<number> {
    return this.#countLive(this.#clock.nowMs())
  }

  async sweep(): Promise<number> {
    const removeSome = () =>
      this.#statements.removeEnded.run({ nowMs: this.#clock.note(), limit: SWEPT_AT_ONCE }).changes
    for (let total = 0; ; await nextTurn()) {
      const removed = await runWrite(this.#database, removeSome, { durable: false })
      total += removed
      if (removed < SWEPT_AT_ONCE) return total
    }
  }

  /** Opens views, inside a transaction. What turns out to need more than a transaction that may be lost is put off. */
  #openAll(openings: readonly WaitingOpening[], durable: boolean): void {
    const nowMs = this.#clock.nowMs()
    const batch: Batch = {
      nowMs,
      generation: this.#newestGeneration(),
      room: undefined,
      firstEndMs: undefined,
      live: undefined,
      held: new Map(),
    }
    let changed = false
    for (const opening of openings) {
      const { name, ttlMs } = opening.request
      const row = this.#lease(name)
      const decision = decideOpening(row, ttlMs, nowMs)
      if (decision.kind === 'keep') opening.result = { generation: row?.generation ?? 0 }
      else if (decision.durable && !durable) opening.durable = true
      else if (decision.kind === 'renew') {
        this.#statements.renew.run({ name, ...decision.lease })
        opening.result = { generation: row?.generation ?? 0 }
        changed = true
      } else {
        if (row !== undefined) this.#statements.remove.run({ name })
        opening.result = this.#freeze(opening, decision.lease, batch)
        changed ||= 'generation' in opening.result
      }
    }
    // Only then: a transaction that changes nothing costs no fsync.
    if (changed) this.#clock.note()
  }

  #freeze(
    { request: { name, client } }: WaitingOpening,
    lease: Lease,
    batch: Batch,
  ): NonNullable<WaitingOpening['result']> {
    if (batch.room === undefined || batch.room <= 0) batch.room = this.#makeRoom(batch)
    if (batch.room <= 0) return { error: this.#refuse(name, batch) }
    const holder = toHolder(client)
    const held = this.#heldBy(holder, batch)
    batch.live ??= this.#countLive(batch.nowMs)
    if (held.count >= this.max - batch.live) return { error: this.#refuseHolder(name, holder, held, batch) }
    const { generation } = batch
    this.#statements.add.run({ name, client, holder, generation, createdAt: this.#clock.wallMs(), ...lease })
    batch.room -= 1
    batch.live += 1
    held.count += 1
    return { generation }
  }

  #heldBy(holder: string, { held, nowMs }: Batch): Held {
    const known = held.get(holder)
    if (known !== undefined) return known
    const found = this.#statements.held.get({ holder, nowMs }) as Held
    held.set(holder, found)
    return found
  }

  /** How many more views there can be, once those that have ended are forgotten if that is needed. */
  #makeRoom(batch: Batch): number {
    // Found full before, with none that has ended: so it is still.
    if (batch.firstEndMs !== undefined) return 0
    const { nowMs } = batch
    const { count } = this.#statements.rows.get() as { count: number }
    if (count < this.max) return this.max - count
    const removed = this.#statements.removeEnded.run({ nowMs, limit: SWEPT_AT_ONCE }).changes
    const room = this.max - count + removed
    if (room <= 0)
      batch.firstEndMs = (this.#statements.firstEnd.get() as { atMs: number | null }).atMs ?? nowMs
    return room
  }

  #refuse(name: string, { nowMs, firstEndMs = nowMs }: Batch): PinyonError {
    return new PinyonError(
      'VIEWS_FULL',
      `there are as many views as there can be, ${this.max}, so this one was not made; ${describeWays(firstEndMs - nowMs)}: ${name}`,
    )
  }

  #refuseHolder(name: string, holder: string, { count, firstEnd }: Held, { nowMs }: Batch): PinyonError {
    return new PinyonError(
      'VIEWS_FULL',
      `${holder} holds ${count} view${count === 1 ? '' : 's'}, as many as are left for all others, so this one was not made; ${describeWays((firstEnd ?? nowMs) - nowMs)}: ${name}`,
    )
  }

  #now(): { readonly nowMs: number; readonly wallMs: number } {
    return { nowMs: this.#clock.nowMs(), wallMs: this.#clock.wallMs() }
  }

  #countLive(nowMs: number): number {
    return (this.#statements.count.get({ nowMs }) as { count: number }).count
  }

  #lease(name: string): LeaseRow | undefined {
    return this.#statements.lease.get({ name }) as LeaseRow | undefined
  }

  #newestGeneration(): number {
    return (this.#statements.newestGeneration.get() as { number: number }).number
  }
}

/** What whoever is refused a view can do. */
function describeWays(nextEndMs: number): string {
  const seconds = Math.ceil(Math.max(0, nextEndMs) / 1_000)
  return `end one that is not needed with DELETE, or wait: the next ends in ${formatDuration(seconds * 1_000)}`
}
