import { statSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { readDiskFree, readFreeFiles } from '../cache/free-space.ts'
import type { Config } from '../config/config.ts'
import type { FarmMirror, SnapshotStock } from '../snapshot/farm/farm.ts'
import { METRICS, type CounterName, type GaugeName } from '../system/metric-table.ts'
import type { Reading } from '../system/metrics.ts'
import type { SourceReport } from '../upstream/upstream.ts'
import type { Storage } from './storage.ts'

/** What the state of a farm is read from. */
export interface FarmReadingSources {
  readonly storage: Storage
  readonly config: () => Config
  /** The sources of a mirror, and those that have what upstream dropped. */
  readonly sourcesOf: (mirror: string) => readonly SourceReport[]
  readonly fallbacksOf: (mirror: string) => readonly SourceReport[]
  readonly isSyncing: (mirror: string) => boolean
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Mirrors that are described in one turn: a millisecond or two. */
const MIRRORS_AT_ONCE = 100
const DAY_MS = 86_400_000
/** Clients are counted so often, in milliseconds: there may be very many. */
const COUNT_HOSTS_MS = 15 * 60_000
/** Generations that began between two looks and are told apart by their reason; of more only the last ones. */
const MAX_GENERATIONS = 200

/** The state of the farm as figures: read from the store in small parts, and from memory. */
export class FarmReadings {
  readonly #sources: FarmReadingSources
  readonly #generationChanges = new Map<string, number>(
    METRICS.generation_changes_total.labels.reason.map((cause) => [cause, 0]),
  )
  #generation: number | undefined
  #hosts: { readonly count: number; readonly at: number } | undefined

  constructor(sources: FarmReadingSources) {
    this.#sources = sources
  }

  /** All of it. */
  async read(): Promise<readonly Reading[]> {
    const { storage, now } = this.#sources
    const configured = this.#sources.config().mirrors
    const found = await storage.snapshots.farm.mirrors(now())
    // One that went out of the configuration takes its series with it.
    const mirrors = found.filter(({ name }) => configured.has(name))
    const stocks = await storage.snapshots.farm.stocks(mirrors.map(({ id }) => id))
    const readings: Reading[] = []
    for (const [at, mirror] of mirrors.entries()) {
      if (at > 0 && at % MIRRORS_AT_ONCE === 0) await nextTurn()
      readings.push(...this.#readMirror(mirror, stocks.get(mirror.id)))
    }
    readings.push(...this.#readCache(), ...(await this.#readIndex()))
    readings.push(reading('hosts_24h', await this.#countHosts(found)))
    return readings
  }

  #readMirror(mirror: FarmMirror, stock: SnapshotStock | undefined): Reading[] {
    const { name, current, departed } = mirror
    const { config, isSyncing } = this.#sources
    const interval = config().mirrors.get(name)?.syncIntervalMs
    const of = (metric: GaugeName, value: number | undefined, ...labels: string[]) =>
      value === undefined ? [] : [reading(metric, value, name, ...labels)]
    const onDemand = current?.cached === undefined ? undefined : current.packages - current.cached
    return [
      ...this.#readUpstreams(name),
      ...of('sync_running', isSyncing(name) ? 1 : 0),
      ...of('sync_consecutive_failures', mirror.failures),
      ...of('sync_last_success_timestamp_seconds', toSeconds(mirror.succeededAt)),
      ...of('sync_last_attempt_timestamp_seconds', toSeconds(mirror.checkedAt)),
      ...of('sync_interval_seconds', typeof interval === 'number' ? interval / 1000 : 0),
      ...of('snapshots', stock?.count ?? 0),
      ...of('snapshot_current_timestamp_seconds', toSeconds(current?.createdAt)),
      ...of('snapshot_newest_timestamp_seconds', toSeconds(stock?.newestAt)),
      ...of('pinned_since_timestamp_seconds', toSeconds(mirror.pinnedSince)),
      ...of('packages', current?.cached, 'cached'),
      ...of('packages', onDemand, 'on_demand'),
      ...of('at_risk_packages', departed.at_risk.count),
      ...of('at_risk_bytes', departed.at_risk.bytes),
      ...of('lost_packages', departed.lost.count),
    ]
  }

  #readUpstreams(name: string): Reading[] {
    const fallbacks = this.#sources.fallbacksOf(name)
    return [
      reading('upstream_up', isUp(this.#sources.sourcesOf(name)), name, 'primary'),
      ...(fallbacks.length === 0 ? [] : [reading('upstream_up', isUp(fallbacks), name, 'fallback')]),
    ]
  }

  #readCache(): Reading[] {
    const { storage, config } = this.#sources
    const view = storage.describeCache(config().cache.maxBytes)
    const repodata = view.repodata_bytes
    const { database, blobs } = storage.layout
    const diskFree = readDiskFree(blobs)
    const freeFiles = readFreeFiles(blobs)?.free
    return [
      reading('cache_bytes', view.bytes - (repodata ?? 0), 'package'),
      ...(repodata === null ? [] : [reading('cache_bytes', repodata, 'repodata')]),
      reading('cache_max_bytes', view.max_bytes),
      ...(view.only_here_bytes === null ? [] : [reading('cache_protected_bytes', view.only_here_bytes)]),
      reading('cache_reserved_bytes', view.reserved_bytes),
      reading('cache_blobs', view.blobs),
      ...(diskFree === undefined ? [] : [reading('disk_free_bytes', diskFree)]),
      ...(freeFiles === undefined ? [] : [reading('disk_free_inodes', freeFiles)]),
      reading('db_bytes', sizeOf(database) + sizeOf(`${database}-wal`)),
    ]
  }

  async #readIndex(): Promise<Reading[]> {
    const { snapshots } = this.#sources.storage
    const { generation } = await snapshots.index()
    await this.#noteGenerations(generation)
    const changes = [...this.#generationChanges].map(([cause, count]) =>
      reading('generation_changes_total', count, cause),
    )
    return [
      reading('generation', generation),
      ...changes,
      reading('views', await snapshots.views.count()),
      reading('views_max', snapshots.views.max),
    ]
  }

  async #noteGenerations(newest: number): Promise<void> {
    const before = this.#generation ?? newest
    this.#generation = newest
    if (newest <= before) return
    const { history } = this.#sources.storage.snapshots
    const limit = Math.min(newest - before, MAX_GENERATIONS)
    for (const { number, cause } of await history.generations({ limit }))
      if (number > before) this.#generationChanges.set(cause, (this.#generationChanges.get(cause) ?? 0) + 1)
  }

  async #countHosts(mirrors: readonly FarmMirror[]): Promise<number> {
    const { storage, now } = this.#sources
    const at = now()
    if (this.#hosts === undefined || Math.abs(at - this.#hosts.at) >= COUNT_HOSTS_MS) {
      const ids = mirrors.map(({ id }) => id)
      this.#hosts = { count: await storage.snapshots.farm.countHosts(ids, at - DAY_MS), at }
    }
    return this.#hosts.count
  }
}

function reading(name: GaugeName | CounterName, value: number, ...labels: string[]): Reading {
  return { name, labels, value }
}

/** Of which nothing is known yet may well be there. */
function isUp(reports: readonly SourceReport[]): number {
  return reports.length === 0 || reports.some(({ state }) => state !== 'down') ? 1 : 0
}

function toSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
