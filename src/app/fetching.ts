import type { FillTable } from '../cache/fill-table.ts'
import type { Config } from '../config/config.ts'
import { toPinyonError } from '../model/errors.ts'
import type { MirrorPrefetch } from '../proxy/api-context.ts'
import { toPrefetchView } from '../proxy/api-holdings.ts'
import type { FetchTally } from '../snapshot/prefetch/fetch-run.ts'
import { PackageFetches, type PackageSource } from '../snapshot/prefetch/package-fetches.ts'
import { Prefetcher } from '../snapshot/prefetch/prefetcher.ts'
import type { SyncResult } from '../snapshot/sync.ts'
import { Throttle } from '../upstream/throttle.ts'
import type { Logger } from '../system/logger.ts'
import { upstreamsFor, type ArchOwner, type MirrorUpstreams } from '../upstream/arch-sources.ts'
import type { SourceReport } from '../upstream/upstream.ts'
import type { SharedUpstream } from './create-upstream.ts'
import { Elsewhere, hasSameElsewhere } from './elsewhere.ts'
import { joinSources } from './former-sources.ts'
import { createFallbacks, hasSameFallbacks, hasSameSources } from './mirrors.ts'
import { StockTaker } from './stock-taker.ts'
import type { Storage } from './storage.ts'

/** What fetching is built from. */
export interface FetchingOptions {
  /** The running configuration, once {@link first} runs. */
  readonly config: () => Config
  readonly first: Config
  readonly upstream: SharedUpstream
  readonly storage: Storage
  readonly fills: FillTable
  /** The upstream of a mirror, or of one of its several architectures, those that it had included; undefined when none are known. */
  readonly upstreamOf: (mirror: string, owner: ArchOwner) => PackageSource | undefined
  readonly now: () => number
  readonly log: Logger
}

/** Everything by which packages get here, but for the fills themselves. */
export class Fetching {
  readonly fetches: PackageFetches
  readonly prefetcher: Prefetcher
  readonly #options: FetchingOptions
  readonly #stock: StockTaker
  readonly #elsewhere: Elsewhere
  #fallbacks: ReadonlyMap<string, MirrorUpstreams>

  constructor(options: FetchingOptions) {
    const { config, storage, fills, upstreamOf, now, log } = options
    this.#options = options
    this.#fallbacks = createFallbacks(options.first, options.upstream)
    this.#elsewhere = new Elsewhere(options.first, options.upstream)
    const sourcesOf = (mirror: string, owner: ArchOwner) => {
      const fallbacks = this.#fallbacks.get(mirror)
      return {
        upstream: upstreamOf(mirror, owner),
        fallback: fallbacks && joinSources(upstreamsFor(fallbacks, owner)),
        elsewhere: this.#elsewhere.of(mirror),
      }
    }
    const { departed, stock } = storage.snapshots
    this.#stock = new StockTaker(stock, (error) =>
      log.warn({ reason: toPinyonError(error).message }, 'what is cached was not counted'),
    )
    const throttle = new Throttle(() => config().prefetch.throttle)
    const onFetch = (mirror: string) => this.#stock.note(mirror)
    this.fetches = new PackageFetches({ fills, sourcesOf, departed, throttle, now, onFetch })
    this.prefetcher = new Prefetcher({
      store: storage.snapshots,
      fetches: this.fetches,
      claims: storage.claims,
      ruleOf: (mirror) => {
        const settings = config().mirrors.get(mirror)
        return settings?.enabled === true ? settings : undefined
      },
      parallel: () => config().prefetch.parallel,
      fillCount: () => fills.size,
      room: () => storage.room(),
      flushUsage: () => storage.usage.flush(),
      now,
      onRun: (mirror, tally) => logRun(log, mirror, tally),
      onError: (mirror, { code, message }) =>
        log.warn({ mirror, code, reason: message }, 'not fetched ahead'),
    })
  }

  /** Goes on where the last process was ended, and counts what is cached from now on. */
  start(): void {
    const { mirrors } = this.#options.config()
    this.#stock.start([...mirrors.keys()])
    for (const { name } of mirrors.values()) this.prefetcher.tend(name)
  }

  /** How the fallbacks of a mirror are. */
  fallbacksOf(mirror: string): readonly SourceReport[] {
    return this.#fallbacks.get(mirror)?.health ?? []
  }

  /** A mirror's policy and last run, as the API shows it; undefined for one that is not configured. */
  describe(mirror: string): MirrorPrefetch | undefined {
    const policy = this.#options.config().mirrors.get(mirror)?.policy
    return policy === undefined ? undefined : { policy, state: toPrefetchView(this.prefetcher.state(mirror)) }
  }

  /** A mirror was looked at: what was published is to be fetched ahead, and what an earlier run did not come to as well. */
  noteSync({ mirror, outcome }: Pick<SyncResult, 'mirror' | 'outcome'>): void {
    // What a young store was taken to have of it is held against its packages before long.
    if (outcome === 'published') this.#stock.note(mirror)
    this.prefetcher.tend(mirror)
  }

  /** Blobs went. */
  noteRemoval(): void {
    for (const mirror of this.#options.config().mirrors.keys()) this.#stock.note(mirror)
  }

  /** Another configuration runs: there may be sources that were never asked, pins that make something needed, and another policy. */
  async adopt(config: Config, before: Config): Promise<void> {
    // Transfers from those that go end by themselves.
    const known = { config: before, fallbacks: this.#fallbacks }
    this.#fallbacks = createFallbacks(config, this.#options.upstream, known)
    this.#elsewhere.adopt(config)
    this.fetches.forgetLost()
    for (const mirror of config.mirrors.values()) {
      const old = before.mirrors.get(mirror.name)
      const isSame =
        hasSameFallbacks(old, mirror) && hasSameSources(old, mirror) && hasSameElsewhere(old, mirror)
      if (!isSame) await this.#options.storage.snapshots.departed.forgetLost(mirror.name)
      if (!isSame || old?.pin !== mirror.pin || old?.policy !== mirror.policy)
        this.prefetcher.tend(mirror.name)
    }
  }

  /** Begins nothing more; what runs ends with its fills, and then {@link close} does. */
  stop(): void {
    this.prefetcher.stop()
  }

  async close(): Promise<void> {
    await this.prefetcher.close()
    await this.#stock.close()
    await Promise.all([...this.#fallbacks.values()].map((fallback) => fallback.close()))
    await this.#elsewhere.close()
  }
}

function logRun(log: Logger, mirror: string, tally: FetchTally): void {
  const { total, fetched, bytes, lost, failed, reason, stopped } = tally
  const facts = { mirror, total, fetched, bytes, lost, failed, ...(reason === undefined ? {} : { reason }) }
  if (stopped === undefined && lost + failed === 0) log.info(facts, 'fetched ahead')
  else if (stopped !== 'shutting down') log.warn({ ...facts, stopped }, 'fetched ahead, but not everything')
}
