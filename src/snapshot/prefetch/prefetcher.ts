import { setImmediate } from 'node:timers/promises'

import pLimit from 'p-limit'

import { PinyonError, toPinyonError } from '../../model/errors.ts'
import type { PrefetchRule } from '../../model/prefetch.ts'
import type { Claims } from '../../system/claims.ts'
import { FairPlaces } from '../../system/fair-places.ts'
import type { Snapshot, SnapshotStore } from '../store.ts'
import { planAhead, planAll, planDeparted, planNamed, wantExtras } from './fetch-plan.ts'
import { fetchAll, NOTHING_FETCHED, type FetchTally } from './fetch-run.ts'
import type { PackageFetches, WantedFile } from './package-fetches.ts'

/** What a {@link Prefetcher} is built from. */
export interface PrefetcherOptions {
  readonly store: Pick<SnapshotStore, 'snapshots' | 'index' | 'departed' | 'prefetch' | 'stock' | 'extras'>
  readonly fetches: Pick<PackageFetches, 'open'>
  readonly claims: Pick<Claims, 'tryClaim'>
  /** A mirror's rule; undefined for one that is not followed. */
  readonly ruleOf: (mirror: string) => PrefetchRule | undefined
  /** Transfers at a time that nobody waits for; asked each time. */
  readonly parallel: () => number
  /** Fills that run, whoever began them. */
  readonly fillCount: () => number
  /** Bytes stored and set aside, and the most that may be. */
  readonly room: () => { readonly used: number; readonly max: number }
  /** Stores which names were asked for up to now. */
  readonly flushUsage: () => Promise<void>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told of every run that did anything, or could not. */
  readonly onRun: (mirror: string, tally: FetchTally) => void
  readonly onError: (mirror: string, error: PinyonError) => void
}

/** Which packages somebody wants fetched now. */
export interface FetchRequest {
  /** What is at risk or lost, whatever snapshot lists it; all of the current snapshot; or what its policy would want of that. */
  readonly which: 'at_risk' | 'all' | 'used'
  /** Of the current snapshot, by name or as dnf takes them; they stand for `which`. */
  readonly specs: readonly string[]
}

/** Fetching of everything ends at this share of the quota: it must not evict what is used. Evictions go down to the same. */
const FREE_SHARE = 0.9
/** A single run fills no more than this share of it, so that it evicts nothing that it brought itself. */
const RUN_SHARE = 0.5
/** A transfer that takes longer than this does not keep other mirrors' from their turn, in milliseconds. */
const PATIENCE_MS = 30_000
/** Those included there are at most so many times as many. */
const MOST_FACTOR = 4
/** A run that upstream's trouble ended is made anew so much later, in milliseconds. */
const RETRY_MS = 10 * 60_000
/** A file beside the packages that is at risk and could not be had is asked for again so much later, in milliseconds. */
const EXTRAS_RETRY_MS = 86_400_000

/**
 * Fetches what nobody waits for: after a snapshot's birth what its mirror's policy wants of its new packages, and of what has left upstream
 * all that jobs get or hold. What is there already is the memory of it, so that a kill loses nothing but the transfers that ran.
 */
export class Prefetcher {
  readonly #options: PrefetcherOptions
  readonly #places: FairPlaces
  readonly #stop = new AbortController()
  readonly #running = new Map<string, Promise<void>>()
  /** Looking what to fetch takes some milliseconds at a time, of every mirror at a start: one mirror after the other, and requests in between. */
  readonly #looks = pLimit(1)
  /** Mirrors to be looked after once more when their run has ended. */
  readonly #again = new Set<string>()
  readonly #retries = new Map<string, NodeJS.Timeout>()
  readonly #states = new Map<string, FetchTally>()
  /** When files beside the packages that are at risk were asked for last, by mirror and digest, in milliseconds since the epoch. */
  readonly #extrasAskedAt = new Map<string, number>()
  /** Mirrors of which something was fetched that is not counted yet. */
  readonly #changed = new Set<string>()

  constructor(options: PrefetcherOptions) {
    this.#options = options
    const { parallel, fillCount } = options
    // Clients go first: beside their transfers there is one that nobody waits for.
    this.#places = new FairPlaces({
      limit: () => (fillCount() > this.#places.taken ? 1 : Math.max(1, parallel())),
      patienceMs: PATIENCE_MS,
      most: () => MOST_FACTOR * Math.max(1, parallel()),
    })
  }

  /** How far the last run of a mirror is or came; undefined when there was none, or it had nothing to do. */
  state(mirror: string): (FetchTally & { readonly isRunning: boolean }) | undefined {
    const tally = this.#states.get(mirror)
    return tally === undefined ? undefined : { ...tally, isRunning: this.#running.has(mirror) }
  }

  /** Looks after a mirror, in the background; while that goes on already, once more afterwards. */
  tend(mirror: string): void {
    if (this.#stop.signal.aborted) return
    clearTimeout(this.#retries.get(mirror))
    if (this.#running.has(mirror)) {
      this.#again.add(mirror)
      return
    }
    const run = this.#tend(mirror)
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#options.onError(mirror, toPinyonError(error))
      })
      .finally(() => {
        this.#running.delete(mirror)
        if (this.#again.delete(mirror)) this.tend(mirror)
      })
    this.#running.set(mirror, run)
  }

  /** Resolves when nothing of a mirror runs any more, what was asked for meanwhile included. */
  async settled(mirror: string): Promise<void> {
    for (;;) {
      const run = this.#running.get(mirror)
      if (run === undefined) return
      await run
    }
  }

  /**
   * Fetches on somebody's behalf.
   * @throws PinyonError NOT_FOUND for a mirror without a snapshot, and for names of which the snapshot lists none
   */
  async fetch(
    mirror: string,
    request: FetchRequest,
    onProgress: (tally: FetchTally) => void,
  ): Promise<FetchTally> {
    this.#stop.signal.throwIfAborted()
    const files = await this.#plan(mirror, request)
    onProgress({ ...NOTHING_FETCHED, total: files.length })
    const tally = await this.#run(files, { isForced: true, mayEvict: true, onProgress })
    await this.#options.store.stock.recount(mirror)
    if (files.length > 0) this.#options.onRun(mirror, tally)
    return tally
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stop.abort(new PinyonError('SHUTTING_DOWN', 'the server is shutting down'))
    for (const timer of this.#retries.values()) clearTimeout(timer)
  }

  /** Waits for what runs, after {@link stop}; its fills are ended by whoever has them. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }

  async #tend(mirror: string): Promise<void> {
    const rule = this.#options.ruleOf(mirror)
    if (rule === undefined) return
    const claim = await this.#look(async () => this.#options.claims.tryClaim(`prefetch ${mirror}`))
    if (claim === undefined) return
    try {
      await this.#rescue(mirror)
      await this.#fetchAhead(mirror, rule)
      await this.#countStock(mirror)
    } finally {
      claim.release()
    }
  }

  async #look<T>(look: () => Promise<T>): Promise<T> {
    return await this.#looks(async () => {
      await setImmediate()
      return await look()
    })
  }

  /** Counts what is cached when a snapshot is new, or something was fetched; what clients fetch is counted now and then. */
  async #countStock(mirror: string): Promise<void> {
    const { store } = this.#options
    const [newest] = await store.snapshots(mirror)
    if (newest === undefined) return
    const isCounted = (await store.stock.counts(mirror)).has(newest.id)
    if (!isCounted || this.#changed.delete(mirror)) await store.stock.recount(mirror, this.#stop.signal)
  }

  /** What jobs get or hold and upstream has dropped: some source may still have it. */
  async #rescue(mirror: string): Promise<void> {
    const { departed } = this.#options.store
    const files = await this.#look(() => planDeparted(departed, mirror, ['at_risk'], true))
    await this.#runNoted(mirror, [...files, ...(await this.#rescuedExtras(mirror))], true)
  }

  /** The same of files beside the packages; of one that could not be had nothing is noted but when it was asked for. */
  async #rescuedExtras(mirror: string): Promise<readonly WantedFile[]> {
    const nowMs = this.#options.now()
    for (const [key, askedAt] of this.#extrasAskedAt)
      if (Math.abs(nowMs - askedAt) >= EXTRAS_RETRY_MS) this.#extrasAskedAt.delete(key)
    const all = await this.#look(async () => await this.#options.store.extras.atRisk(mirror, true))
    const due = all.filter(({ digest }) => !this.#extrasAskedAt.has(`${mirror} ${digest}`))
    for (const { digest } of due) this.#extrasAskedAt.set(`${mirror} ${digest}`, nowMs)
    return wantExtras(mirror, due)
  }

  async #fetchAhead(mirror: string, rule: PrefetchRule): Promise<void> {
    const { store } = this.#options
    const [newest] = await store.snapshots(mirror)
    if (newest === undefined) return
    const { seq, policy } = await store.prefetch.progress(mirror)
    // Under another policy everything may be wanted; else what came before was considered in its time.
    const isNewPolicy = rule.policy === 'immediate' && policy !== 'immediate'
    const newerThan = isNewPolicy ? undefined : seq
    if (newerThan !== undefined && newest.seq <= newerThan && policy === rule.policy) return
    const look = async () => {
      const { signal } = this.#stop
      const packages = await this.#planAhead(newest, rule, newerThan, signal)
      const extras = rule.policy === 'immediate' ? await store.extras.missing(newest, newerThan) : []
      return [...packages, ...wantExtras(mirror, extras)]
    }
    const files = await this.#look(look)
    const tally = await this.#runNoted(mirror, files, rule.policy === 'warm')
    if (tally.stopped === undefined)
      await store.prefetch.setProgress(mirror, { seq: newest.seq, policy: rule.policy })
  }

  async #runNoted(mirror: string, files: readonly WantedFile[], mayEvict: boolean): Promise<FetchTally> {
    if (files.length === 0) {
      // What was told of an earlier run is over, unless this one's rescue told it just now.
      if (this.#states.get(mirror)?.stopped !== undefined) this.#states.delete(mirror)
      return NOTHING_FETCHED
    }
    const onProgress = (tally: FetchTally) => void this.#states.set(mirror, tally)
    onProgress({ ...NOTHING_FETCHED, total: files.length })
    const tally = await this.#run(files, { isForced: false, mayEvict, onProgress })
    onProgress(tally)
    if (tally.fetched > 0) this.#changed.add(mirror)
    this.#options.onRun(mirror, tally)
    if (tally.stopped === 'trouble') this.#retryLater(mirror)
    return tally
  }

  async #run(
    files: readonly WantedFile[],
    {
      isForced,
      mayEvict,
      onProgress,
    }: {
      readonly isForced: boolean
      readonly mayEvict: boolean
      readonly onProgress: (tally: FetchTally) => void
    },
  ): Promise<FetchTally> {
    const { fetches, room } = this.#options
    const mayStore = (bytes: number, storedBytes: number) => {
      const { used, max } = room()
      if (storedBytes + bytes > RUN_SHARE * max) return false
      return mayEvict || used + bytes <= FREE_SHARE * max
    }
    const signal = this.#stop.signal
    return await fetchAll(files, { fetches, places: this.#places, mayStore, isForced, signal, onProgress })
  }

  async #plan(mirror: string, { which, specs }: FetchRequest): Promise<WantedFile[]> {
    const { store, ruleOf } = this.#options
    if (which === 'at_risk' && specs.length === 0) {
      const packages = await planDeparted(store.departed, mirror, ['at_risk', 'lost'], false)
      return [...packages, ...wantExtras(mirror, await store.extras.atRisk(mirror, false))]
    }
    const snapshot = await this.#currentOf(mirror)
    if (specs.length > 0) return await planNamed(store.prefetch, snapshot, specs)
    if (which === 'all')
      return [
        ...(await planAll(store.prefetch, snapshot)),
        ...wantExtras(mirror, await store.extras.missing(snapshot)),
      ]
    const warmWindowMs = ruleOf(mirror)?.warmWindowMs ?? Number.POSITIVE_INFINITY
    const rule: PrefetchRule = { policy: 'warm', warmWindowMs }
    return await this.#planAhead(snapshot, rule, undefined)
  }

  async #planAhead(
    snapshot: Snapshot,
    rule: PrefetchRule,
    newerThan: number | undefined,
    signal?: AbortSignal,
  ): Promise<WantedFile[]> {
    const { store, flushUsage, now } = this.#options
    // A snapshot is looked through once: what a job asked for just now has to count by then.
    if (rule.policy === 'warm') await flushUsage()
    const common = { newerThan, nowMs: now() }
    return await planAhead(
      store.prefetch,
      snapshot,
      rule,
      signal === undefined ? common : { ...common, signal },
    )
  }

  async #currentOf(mirror: string): Promise<Snapshot> {
    const { store } = this.#options
    const current = (await store.index()).current.get(mirror) ?? (await store.snapshots(mirror))[0]
    if (current !== undefined) return current
    throw new PinyonError('NOT_FOUND', `no snapshot yet of: ${mirror}`)
  }

  #retryLater(mirror: string): void {
    clearTimeout(this.#retries.get(mirror))
    this.#retries.set(mirror, setTimeout(() => this.tend(mirror), RETRY_MS).unref())
  }
}
