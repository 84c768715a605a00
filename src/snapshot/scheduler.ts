import { ACTORS } from '../model/actor.ts'
import { PinyonError } from '../model/errors.ts'
import { FairPlaces } from '../system/fair-places.ts'
import type { SyncResult } from './sync.ts'

/** One mirror to be synced. */
export interface ScheduledMirror {
  readonly name: string
  /** Milliseconds between looks upstream; `off`: only on command, not even at start. */
  readonly intervalMs: number | 'off'
}

/** What a scheduler is built from. */
export interface SchedulerOptions {
  readonly sync: (mirror: string, actor: string) => Promise<SyncResult>
  /** When the mirror was last checked by any process, in milliseconds since the epoch. */
  readonly checkedAt: (mirror: string) => Promise<number | undefined>
  readonly now: () => number
  /** In [0, 1): spreads mirrors and processes over time. */
  readonly random: () => number
}

/** Syncs at one time, over all mirrors: each holds up to four downloads and, when there is news, a thread. */
const PARALLEL_SYNCS = 4
/** One that takes longer than this waits for its upstream, which must not keep the others from theirs, in milliseconds. */
const PATIENCE_MS = 20_000
/** Those included there are at most so many. */
const MOST_SYNCS = 32
/** A failed sync is tried again sooner than a whole interval later: after this long, doubled each time. */
const FIRST_RETRY_MS = 60_000
const LONGEST_RETRY_MS = 30 * 60_000
/** Up to a tenth of the interval is added at random. */
const JITTER = 0.1
/** The longest a timer can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Decides when each mirror is looked at. Syncs asked for while one of the same mirror waits or runs join it. */
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #places = new FairPlaces({
    limit: () => PARALLEL_SYNCS,
    patienceMs: PATIENCE_MS,
    most: () => MOST_SYNCS,
  })
  readonly #running = new Map<string, Promise<SyncResult>>()
  /** Those of them that have not begun. */
  readonly #waiting = new Set<string>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #failures = new Map<string, number>()
  /** How long upstream wants to be left alone by a mirror's next sync, in milliseconds. */
  readonly #rests = new Map<string, number>()
  #mirrors: ReadonlyMap<string, ScheduledMirror> = new Map()
  readonly #nextAt = new Map<string, number>()
  #closed = false

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  /** Mirrors whose sync waits or runs, in the order in which they were asked for. */
  get asked(): readonly string[] {
    return [...this.#running.keys()]
  }

  /** Those of {@link asked} whose turn has not come: as many as stand before one in this list begin before it. */
  get waiting(): readonly string[] {
    return [...this.#waiting]
  }

  /** When a mirror is to be looked at next, in milliseconds since the epoch; undefined when that is not planned. */
  nextAt(mirror: string): number | undefined {
    return this.#nextAt.get(mirror)
  }

  /**
   * Makes these the mirrors to look after. Those that are new are synced now, side by side, unless they are `off`; of the others a
   * changed interval counts from now.
   */
  schedule(mirrors: readonly ScheduledMirror[]): void {
    const before = this.#mirrors
    this.#mirrors = new Map(mirrors.map((mirror) => [mirror.name, mirror]))
    for (const name of before.keys()) if (!this.#mirrors.has(name)) this.#forget(name)
    for (const { name, intervalMs } of mirrors) {
      const old = before.get(name)
      if (old === undefined && intervalMs !== 'off') void this.#syncAndPlan(name)
      else if (old !== undefined && old.intervalMs !== intervalMs) this.#plan(name)
    }
  }

  /** Syncs now on somebody's behalf, or joins the sync that waits or runs, on behalf of whoever asked first. After {@link close} it fails with SHUTTING_DOWN. */
  sync(mirror: string, actor: string = ACTORS.schedule): Promise<SyncResult> {
    const running = this.#running.get(mirror)
    if (running !== undefined) return running
    this.#waiting.add(mirror)
    const sync = this.#syncInTurn(mirror, actor).finally(() => this.#running.delete(mirror))
    this.#running.set(mirror, sync)
    return sync
  }

  /** Plans nothing more and waits for what runs; whoever closes this has already aborted the syncs themselves. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    await Promise.allSettled(this.#running.values())
  }

  async #syncInTurn(mirror: string, actor: string): Promise<SyncResult> {
    const leave = await this.#places.take(mirror)
    this.#waiting.delete(mirror)
    try {
      return await this.#syncUnlessClosed(mirror, actor)
    } finally {
      leave()
    }
  }

  async #syncUnlessClosed(mirror: string, actor: string): Promise<SyncResult> {
    if (!this.#closed) return await this.#options.sync(mirror, actor)
    const error = new PinyonError('SHUTTING_DOWN', 'the server is shutting down')
    return { mirror, outcome: 'failed', error }
  }

  async #syncAndPlan(name: string): Promise<void> {
    // Whoever syncs reports failures as results; should it throw all the same, the mirror is not forgotten.
    const result = await this.sync(name).catch(() => undefined)
    const failed = result === undefined || isFailure(result)
    const restMs = result === undefined ? 0 : readRest(result)
    if (restMs > 0) this.#rests.set(name, restMs)
    else this.#rests.delete(name)
    if (failed) this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1)
    else this.#failures.delete(name)
    this.#plan(name)
  }

  #forget(name: string): void {
    clearTimeout(this.#timers.get(name))
    this.#timers.delete(name)
    this.#nextAt.delete(name)
    this.#failures.delete(name)
    this.#rests.delete(name)
  }

  #plan(name: string): void {
    clearTimeout(this.#timers.get(name))
    this.#nextAt.delete(name)
    const interval = this.#mirrors.get(name)?.intervalMs
    if (this.#closed || interval === undefined || interval === 'off') return
    const failures = this.#failures.get(name) ?? 0
    const retry = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS)
    const soon = failures === 0 ? interval : Math.min(interval, retry)
    const base = Math.max(soon, this.#rests.get(name) ?? 0)
    const waitMs = Math.min(base * (1 + JITTER * this.#options.random()), LONGEST_TIMER_MS)
    const timer = setTimeout(() => void this.#onTime(name, base), waitMs)
    timer.unref()
    this.#timers.set(name, timer)
    this.#nextAt.set(name, this.#options.now() + waitMs)
  }

  /** Of several processes that share a store, the first whose time comes looks; the others see that it did. */
  async #onTime(name: string, intervalMs: number): Promise<void> {
    if (await this.#wasJustChecked(name, intervalMs)) this.#plan(name)
    else await this.#syncAndPlan(name)
  }

  async #wasJustChecked(name: string, intervalMs: number): Promise<boolean> {
    // A store that cannot say will make the sync fail, which is then told and tried again.
    const checkedAt = await this.#options.checkedAt(name).catch(() => undefined)
    if (checkedAt === undefined) return false
    const ageMs = this.#options.now() - checkedAt
    // A negative age is of a clock that was set back: it says nothing.
    return ageMs >= 0 && ageMs < intervalMs / 2
  }
}

/** How long a failed sync was told to wait, in milliseconds. */
function readRest(result: SyncResult): number {
  if (result.outcome !== 'failed') return 0
  const { retryAfterMs, retryAfterSeconds } = result.error.facts
  if (typeof retryAfterMs === 'number') return retryAfterMs
  return typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1000 : 0
}

/** That another process syncs the mirror is no failure: it will tell how that ended. */
function isFailure(result: SyncResult): boolean {
  return result.outcome === 'failed' && result.error.code !== 'SYNC_RUNNING'
}
