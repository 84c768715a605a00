import type { FillTable } from '../cache/fill-table.ts'
import type { FillReport } from '../cache/fill-story.ts'
import type { Config } from '../config/config.ts'
import type { PinyonError } from '../model/errors.ts'
import { REASONS, reasonOf } from '../model/reason.ts'
import type { WriteOp } from '../http/write-routes.ts'
import type { GcReport } from '../snapshot/gc/gc-report.ts'
import type { SyncResult } from '../snapshot/sync.ts'
import { diskOperation } from '../system/disk-operation.ts'
import { METRICS, WRITE_OPS } from '../system/metric-table.ts'
import { Metrics, type Reading } from '../system/metrics.ts'
import { Tally, addTallies, bindEach, type TallySnapshot } from '../system/tally.ts'
import { VERSION } from '../system/version.ts'
import { watchProcess } from '../system/watch-process.ts'
import type { UpstreamWatch } from '../upstream/source-watch.ts'
import { FarmReadings, type FarmReadingSources } from './farm-readings.ts'

/** What figures of a process are read from. */
export interface FigureSources extends FarmReadingSources {
  readonly fills: Pick<FillTable, 'size' | 'followers'>
  /** Requests that are being answered. */
  readonly inFlight: () => number
  /** The other processes that serve: what each has counted, and how many died and were replaced. */
  readonly workers: () => { readonly tallies: readonly TallySnapshot[]; readonly restarts: number }
}

/** What this server counts, and the figures that are made of it. */
export class Figures {
  /** To be added up with those of other processes. */
  readonly tally = new Tally()
  readonly #counters = bindCounters(this.tally)
  readonly #stopWatching: () => void
  #state: readonly Reading[]

  /** @param nowMs when the configuration was taken up */
  constructor(nowMs: number) {
    const startedAt = Math.round(performance.timeOrigin / 1000)
    this.#state = [
      { name: 'config_ok', labels: [], value: 1 },
      { name: 'config_last_reload_timestamp_seconds', labels: [], value: nowMs / 1000 },
      { name: 'build_info', labels: [VERSION, process.versions.node], value: 1 },
      { name: 'process_start_time_seconds', labels: [], value: startedAt },
    ]
    this.#stopWatching = watchProcess(this.tally)
  }

  /** What answers for Prometheus. */
  createMetrics(sources: FigureSources): Metrics {
    const { storage, fills, config, inFlight, workers } = sources
    const { cache } = storage
    const farm = new FarmReadings(sources)
    const [writes, busy] = [this.tally.histogram('db_seconds', 'write'), this.tally.counter('db_busy_total')]
    storage.snapshots.watchWrites({
      wrote: (seconds) => writes.observe(seconds),
      waited: () => busy.add(),
    })
    this.tally.level('fills_in_flight', () => fills.size)
    this.tally.level('fill_followers', () => fills.followers)
    this.tally.level('memory_cache_bytes', () => cache.heldBytes)
    this.tally.level('requests_in_flight', inFlight)
    this.tally.meter('worker_restarts_total', () => workers().restarts)
    this.tally.meter('corrupt_blobs_total', () => cache.rottenCount)
    return new Metrics({
      tally: () => addTallies(this.tally.snapshot(), ...workers().tallies),
      readings: async () => [...(await farm.read()), ...this.#state],
      isPerMirror: () => config().metrics?.perMirror !== false,
    })
  }

  /** Another configuration runs: mirrors that are gone take along what was counted of them. */
  configure({ mirrors }: Config): void {
    this.tally.setMirrors(mirrors.keys())
  }

  /** Counts what is asked of a mirror's sources. */
  watchUpstream(mirror: string): UpstreamWatch {
    const { upstreamRequests, upstreamErrors, fillBytes } = this.#counters
    return {
      answered: (result) => upstreamRequests[result].add(mirror),
      failed: (error, wasAnswered) => {
        if (!wasAnswered) upstreamRequests.failed.add(mirror)
        upstreamErrors[reasonOf(error)].add()
      },
      received: (bytes) => fillBytes.add(mirror, bytes),
    }
  }

  /** A fill has ended. What another process downloads is counted there. */
  countFill(error: PinyonError | undefined, { subject, ms, firstByteMs, steps }: FillReport): void {
    const { fills, fillErrors, fillResumes, fillFirstByte, fillSeconds } = this.#counters
    if (error === undefined && steps.length === 0) return
    fills[error === undefined ? 'ok' : 'failed'].add(subject?.mirror)
    fillResumes.add(steps.filter(({ from, bytes }) => from > 0 && bytes > 0).length)
    if (firstByteMs !== undefined) fillFirstByte.observe(firstByteMs / 1000)
    if (error === undefined) fillSeconds.observe(ms / 1000)
    else {
      fillErrors[reasonOf(error)].add()
      this.#countDiskError(error)
    }
  }

  /** A sync has ended. */
  countSync(result: SyncResult, ms: number): void {
    const kind = result.outcome === 'published' ? 'new' : result.outcome
    this.#counters.syncs[kind].add(result.mirror)
    this.#counters.syncSeconds[kind].observe(ms / 1000)
    if (result.outcome === 'published') this.#counters.replaced.add(result.mirror, result.replaced)
  }

  /** A capture began anew. */
  countRestart(): void {
    this.#counters.restarts.add()
  }

  /** A package is passed through. */
  countBypass(): void {
    this.#counters.bypasses.add()
  }

  /** A stored file was found wrong. */
  countCorrupt(count = 1): void {
    this.#counters.corrupt.add(count)
  }

  /** A stored file cannot be read. */
  countUnreadable(error: unknown): void {
    this.countCorrupt()
    this.#countDiskError(error)
  }

  #countDiskError(error: unknown): void {
    const operation = diskOperation(error)
    if (operation !== undefined) this.#counters.diskErrors[operation].add()
  }

  /** Hits had no line of their own in the log. */
  countLeftOut(count: number): void {
    this.#counters.leftOut.add(count)
  }

  /** A write of the API has ended. */
  countWrite(op: WriteOp, result: 'ok' | 'denied' | 'failed'): void {
    this.#counters.writes[op][result].add()
  }

  /** A collection has ended. */
  countCollection({ blobs }: GcReport, kind: 'collect' | 'evict', nowMs: number): void {
    const { evictions, evictedBytes } = this.#counters
    for (const [reason, { count, bytes }] of [
      ['unreferenced', blobs.unlisted],
      ['size', blobs.evicted],
    ] as const) {
      evictions[reason].add(count)
      evictedBytes[reason].add(bytes)
    }
    if (kind === 'collect') this.#set('gc_last_success_timestamp_seconds', nowMs / 1000)
  }

  /** The configuration was taken up, or refused. */
  countReload(accepted: boolean, nowMs: number): void {
    this.#counters.reloads[accepted ? 'accepted' : 'refused'].add()
    this.#set('config_ok', accepted ? 1 : 0)
    if (accepted) this.#set('config_last_reload_timestamp_seconds', nowMs / 1000)
  }

  /** Watches no more. */
  close(): void {
    this.#stopWatching()
  }

  #set(name: Reading['name'], value: number): void {
    this.#state = [...this.#state.filter((one) => one.name !== name), { name, labels: [], value }]
  }
}

function bindCounters(tally: Tally) {
  const { reason } = METRICS.evictions_total.labels
  const { op } = METRICS.disk_errors_total.labels
  const { result } = METRICS.config_reloads_total.labels
  return {
    upstreamRequests: bindEach(METRICS.upstream_requests_total.labels.result, (one) =>
      tally.mirrorCounter('upstream_requests_total', one),
    ),
    upstreamErrors: bindEach(REASONS, (one) => tally.counter('upstream_errors_total', one)),
    fillBytes: tally.mirrorCounter('fill_bytes_total'),
    fills: bindEach(METRICS.fills_total.labels.result, (one) => tally.mirrorCounter('fills_total', one)),
    fillErrors: bindEach(REASONS, (one) => tally.counter('fill_errors_total', one)),
    fillResumes: tally.counter('fill_resumes_total'),
    fillFirstByte: tally.histogram('fill_first_byte_seconds'),
    fillSeconds: tally.histogram('fill_seconds'),
    syncs: bindEach(METRICS.sync_total.labels.result, (one) => tally.mirrorCounter('sync_total', one)),
    syncSeconds: bindEach(METRICS.sync_seconds.labels.result, (one) => tally.histogram('sync_seconds', one)),
    restarts: tally.counter('sync_restarts_total'),
    replaced: tally.mirrorCounter('replaced_in_place_total'),
    leftOut: tally.counter('hits_not_logged_total'),
    writes: bindEach(WRITE_OPS, (write) =>
      bindEach(METRICS.write_requests_total.labels.result, (one) =>
        tally.counter('write_requests_total', write, one),
      ),
    ),
    bypasses: tally.counter('bypass_total'),
    corrupt: tally.counter('corrupt_blobs_total'),
    diskErrors: bindEach(op, (one) => tally.counter('disk_errors_total', one)),
    evictions: bindEach(reason, (one) => tally.counter('evictions_total', one)),
    evictedBytes: bindEach(reason, (one) => tally.counter('evicted_bytes_total', one)),
    reloads: bindEach(result, (one) => tally.counter('config_reloads_total', one)),
  }
}
