import type { FillTable } from '../cache/fill-table.ts'
import type { Collector } from './collector.ts'
import type { ConfigChanges } from './config-changes.ts'
import { toClientSettings } from './client-settings.ts'
import { createConfiguration } from './configuration.ts'
import { FormerSources } from './former-sources.ts'
import type { SharedUpstream } from './create-upstream.ts'
import type { InventoryKeeper } from './inventory-keeper.ts'
import { createUpstreams, type SharedSources } from './mirrors.ts'
import { MirrorLists } from './mirror-lists.ts'
import { Fetching } from './fetching.ts'
import { Figures } from './figures.ts'
import { createFills } from './fills.ts'
import { RetiredWatch } from './retired-watch.ts'
import type { RunningConfig } from './running-config.ts'
import { Signatures } from './signatures.ts'
import { Storage } from './storage.ts'
import { Syncing, type SyncingOptions } from './syncing.ts'
import { Verifier, type VerifyOptions } from './verifier.ts'
import type { Workers } from './workers/workers.ts'
import type { Config, ListenAddress } from '../config/config.ts'
import type { Publish } from '../config/write.ts'
import type { HttpServer } from '../http/server.ts'
import { ACTORS } from '../model/actor.ts'
import { PinyonError } from '../model/errors.ts'
import { Content } from '../proxy/content.ts'
import { InjectRunner } from '../proxy/inject/inject-runner.ts'
import { Resolver } from '../proxy/resolver.ts'
import { DiffRunner } from '../snapshot/diff/diff-runner.ts'
import type { GcReport } from '../snapshot/gc/gc-report.ts'
import type { Prefetcher } from '../snapshot/prefetch/prefetcher.ts'
import type { GenerationCause, SnapshotStore } from '../snapshot/store.ts'
import type { SyncBoard } from '../snapshot/sync-board.ts'
import type { SyncResult } from '../snapshot/sync.ts'
import type { ReadyThread } from '../snapshot/ready-thread.ts'
import type { VerifyReport } from '../snapshot/verify/verify-report.ts'
import { createVerifyRunner } from '../snapshot/verify/verify-runner.ts'
import type { Logger } from '../system/logger.ts'
import type { Metrics } from '../system/metrics.ts'
import { Traffic } from '../system/traffic.ts'
import type { MachineClock } from '../system/machine-clock.ts'
import type { MirrorUpstreams } from '../upstream/arch-sources.ts'
import { Network } from '../upstream/network.ts'
import { loadUndici } from '../upstream/undici-parts.ts'

/** How long running answers may go on after a stop was asked for, in milliseconds. */
const DRAIN_MS = 20_000

/** What an {@link App} is opened with. */
export interface AppOptions {
  readonly config: Config
  readonly log: Logger
  /** Reads the configuration anew, or this text of it; without it the first one stays. */
  readonly loadConfig?: (text?: string) => Config
  /** Milliseconds since the epoch; the system's clock unless told. */
  readonly now?: () => number
  /** The first ingest's thread, started before anything else. */
  readonly early?: ReadyThread | undefined
  /** Gives what ingests; a thread for each unless told. */
  readonly createIngests?: SyncingOptions['createIngests']
  /** Puts an edited configuration file in its place. */
  readonly publishConfig?: Publish
  /** All clocks of the machine; those of the system, and {@link now}, unless told. */
  readonly clock?: MachineClock
  /** The most views there can be at a time. */
  readonly maxViews?: number
}

/**
 * The composition root: builds the rooms in the order of their imports and takes them down in reverse. Several may be open on one data
 * directory at a time, in several processes: what they must agree on is in the store and in the claims.
 */
export class App {
  readonly store: SnapshotStore
  readonly #log: Logger
  readonly #now: () => number
  readonly #stop = new AbortController()
  readonly #storage: Storage
  readonly #fills: FillTable
  readonly #content: Content
  readonly #syncing: Syncing
  readonly #resolver: Resolver
  /** Forgets what is remembered of snapshots that others have retired. */
  readonly retiredWatch: RetiredWatch
  readonly #figures: Figures
  readonly #metrics: Metrics
  readonly #traffic: Traffic
  readonly #diffs: DiffRunner
  readonly #injections = new InjectRunner()
  readonly #signatures: Signatures
  readonly #lists: MirrorLists
  readonly #servers: HttpServer[] = []
  #workers: Workers | undefined
  readonly #running: RunningConfig
  readonly #changes: ConfigChanges
  readonly #upstream: SharedUpstream
  readonly #sourcing: SharedSources
  readonly #formerSources: FormerSources
  readonly #fetching: Fetching
  #upstreams: ReadonlyMap<string, MirrorUpstreams>

  private constructor(options: AppOptions, storage: Storage) {
    const { config, log, loadConfig: load } = options
    this.#log = log
    this.#now = options.now ?? Date.now
    this.#storage = storage
    this.#traffic = new Traffic(this.#now)
    this.store = storage.snapshots
    this.#resolver = new Resolver(this.store, (mirror) => toClientSettings(this.config.mirrors.get(mirror)))
    this.retiredWatch = new RetiredWatch(this.store, () => void this.forgetRetired())
    this.#diffs = new DiffRunner(config.dataDir)
    this.#figures = new Figures(this.#now())
    this.#figures.configure(config)
    this.#upstream = {
      network: new Network({ hosts: () => this.config.hosts ?? new Map() }),
      log,
      watchOf: (mirror) => this.#figures.watchUpstream(mirror),
    }
    this.#sourcing = { ...this.#upstream, prepare: (mirror, arch) => this.#lists.ensure(mirror, arch) }
    this.#formerSources = new FormerSources(this.#upstream)
    this.#signatures = new Signatures({
      store: this.store.keys,
      upstream: this.#upstream,
      now: this.#now,
      signal: this.#stop.signal,
    })
    this.#signatures.configure(config)
    // Upstream: the sources of each mirror, and the fills that read them.
    this.#lists = new MirrorLists({ store: this.store.listings, upstream: this.#upstream, now: this.#now })
    this.#upstreams = createUpstreams(config, this.#sourcing)
    this.#lists.configure(config, this.#upstreams)
    this.#fills = createFills({ storage, traffic: this.#traffic, figures: this.#figures, log })
    this.#fetching = new Fetching({
      config: () => this.config,
      storage,
      fills: this.#fills,
      first: config,
      upstream: this.#upstream,
      upstreamOf: (mirror, owner) =>
        this.#formerSources.upstreamOf(mirror, this.#upstreams.get(mirror), owner),
      now: this.#now,
      log,
    })
    this.#content = new Content({
      blobs: storage.cache,
      fetches: this.#fetching.fetches,
      onBypass: () => this.#figures.countBypass(),
      gateOf: (mirror) => this.#signatures.gateOf(mirror),
      putAside: (digest, error) => {
        this.#figures.countUnreadable(error)
        return storage.putAside(digest, error, log)
      },
    })
    // Syncing: who looks upstream, and when.
    this.#syncing = new Syncing({
      config: () => this.config,
      storage,
      early: options.early,
      createIngests: options.createIngests,
      signatures: this.#signatures,
      lists: this.#lists,
      upstreamOf: (mirror) => this.#upstreams.get(mirror),
      onSynced: (result) => this.#fetching.noteSync(result),
      figures: this.#figures,
      now: this.#now,
      log,
      signal: this.#stop.signal,
    })
    this.#metrics = this.#figures.createMetrics({
      storage,
      fills: this.#fills,
      config: () => this.config,
      sourcesOf: (mirror) => this.#upstreams.get(mirror)?.health ?? [],
      fallbacksOf: (mirror) => this.#fetching.fallbacksOf(mirror),
      isSyncing: (mirror) => this.#syncing.board.running.has(mirror),
      inFlight: () => this.#servers.reduce((sum, server) => sum + server.inFlight, 0),
      workers: () => this.#workers?.figures ?? { tallies: [], restarts: 0 },
      now: this.#now,
    })
    // Configuration: what runs, and how it becomes another.
    ;({ running: this.#running, changes: this.#changes } = createConfiguration({
      config,
      load,
      publishConfig: options.publishConfig,
      storage,
      now: this.#now,
      log,
      adopt: (next, before, actor) => this.#adopt(next, before, actor),
      onTaken: (accepted) => this.#figures.countReload(accepted, this.#now()),
      signal: this.#stop.signal,
    }))
  }

  /** Opens the store and sweeps what a crash left. Changes nothing that clients see, and listens to nothing yet. */
  static async open(options: AppOptions): Promise<App> {
    let app: App | undefined
    const { log, now = Date.now, clock, maxViews } = options
    const storage = await Storage.open({
      config: () => app?.config ?? options.config,
      log,
      now,
      clock,
      maxViews,
      onRetired: () => void app?.forgetRetired(),
      onReport: (report, kind) => app?.noteReport(report, kind),
    })
    app = new App(options, storage)
    return app
  }

  /** The running configuration. */
  get config(): Config {
    return this.#running.current
  }

  /** Where it accepts connections; undefined for a Unix socket, and before it does. */
  get address(): ListenAddress | undefined {
    return this.#servers[0]?.address
  }

  /** Collects what is not needed any more. */
  get collector(): Collector {
    return this.#storage.collector
  }

  /** Keeps the inventory from which the database could be made anew. */
  get inventory(): InventoryKeeper {
    return this.#storage.inventory
  }

  /** Takes note of what a collection did. */
  noteReport(report: GcReport, kind: 'collect' | 'evict'): void {
    this.#figures.countCollection(report, kind, this.#now())
    if (report.blobs.unlisted.count + report.blobs.evicted.count > 0) this.#fetching.noteRemoval()
  }

  /** Forgets what is remembered of snapshots that are retired; resolves when no process of this server answers by it. */
  async forgetRetired(): Promise<void> {
    this.#resolver.forget()
    await this.#workers?.forget()
  }

  /** Brings the index in line with the configuration: what is listed, and what is pinned. Throws ConfigError for an unknown pin. */
  async applyConfiguration(): Promise<void> {
    await this.#running.apply()
    await this.#lists.load()
    await this.#formerSources.remember(this.store, this.#upstreams)
    await this.#signatures.forgetOthers()
  }

  /** Applies the configuration and accepts requests, and commands on the admin socket. Resolves with the port. */
  async listen(): Promise<number> {
    // Only now: a command that syncs without a server needs none of it.
    const { createServers } = await import('./create-servers.ts')
    const { createWorkers } = await import('./workers/open-workers.ts')
    const { whereToListen } = await import('./where-to-listen.ts')
    const { listenOnAdminSocket } = await import('../http/admin-socket.ts')
    const { refuseOtherFarm } = await import('./refuse-other-farm.ts')
    // A request is not to wait for it.
    loadUndici()
    const { server, adminServer, onEnd } = createServers({
      app: this,
      storage: this.#storage,
      resolver: this.#resolver,
      content: this.#content,
      fills: this.#fills,
      fetching: this.#fetching,
      syncing: this.#syncing,
      diffs: this.#diffs,
      signatures: this.#signatures,
      lists: this.#lists,
      figures: this.#figures,
      metrics: this.#metrics,
      injections: this.#injections,
      traffic: this.#traffic,
      running: this.#running,
      changes: this.#changes,
      address: () => this.address,
      workers: () => this.#workers?.state,
      upstreamOf: (mirror) => this.#upstreams.get(mirror),
      forget: () => this.forgetRetired(),
      settled: async () => await this.#workers?.settled(),
      now: this.#now,
      log: this.#log,
    })
    await server.listen(whereToListen(this.#running.current.listen))
    this.#servers.push(server)
    this.#workers = createWorkers({
      config: () => this.config,
      server,
      storage: this.#storage,
      resolver: this.#resolver,
      content: this.#content,
      onEnd,
      tally: this.#figures.tally,
      log: this.#log,
    })
    const socket = this.#storage.layout.adminSocket
    // Only now: a server that cannot start must not change what another one on the same directory serves.
    await refuseOtherFarm(this.config, this.store, socket)
    await this.applyConfiguration()
    await this.#storage.sweeper.sweep()
    await this.retiredWatch.look()
    this.retiredWatch.start()
    this.#storage.inventory.start()
    if (await listenOnAdminSocket(adminServer, socket)) this.#servers.push(adminServer)
    else this.#log.warn({ socket }, 'another server has the admin socket')
    await this.#workers.start()
    return server.port
  }

  /** Syncs every enabled mirror now and from then on at its interval, and collects now and then what is not needed any more. */
  startSyncing(): void {
    this.#syncing.start()
    this.#storage.collector.start()
    this.#fetching.start()
  }

  /**
   * Reads the configuration anew and makes it the running one, all of it or nothing; requests and syncs go on meanwhile.
   * @param change who has edited the file and why; the file's own change unless told
   * @throws ConfigError for one that is invalid, pins what is not there, or wants what only a restart can give
   */
  async reload(change?: { readonly cause: GenerationCause; readonly actor: string }): Promise<void> {
    const options = change === undefined ? {} : { origin: change, mayBeEmpty: change.cause === 'remove' }
    await this.#running.exclusively(() => this.#running.take(options))
  }

  /**
   * Syncs one mirror now, on somebody's behalf, or joins the sync of it that runs.
   * @throws PinyonError NOT_FOUND for one that is not configured
   */
  async sync(mirror: string, actor: string = ACTORS.schedule): Promise<SyncResult> {
    return await this.#syncing.sync(mirror, actor)
  }

  /** Reads everything that is stored and mends what is wrong. Throws PinyonError VERIFY_RUNNING. */
  async verify(options: VerifyOptions): Promise<VerifyReport> {
    return await new Verifier({
      storage: this.#storage,
      content: this.#content,
      run: createVerifyRunner(this.config.dataDir),
      log: this.#log,
      now: this.#now,
      signal: this.#stop.signal,
      onCorrupt: (count) => this.#figures.countCorrupt(count),
    }).verify(options)
  }

  /** Fetches what nobody waits for. */
  get prefetcher(): Prefetcher {
    return this.#fetching.prefetcher
  }

  /** Progress of running syncs. */
  get board(): SyncBoard {
    return this.#syncing.board
  }

  /** Lets running answers finish, ends everything else, and closes the store. */
  async close(): Promise<void> {
    this.#stop.abort(new PinyonError('SHUTTING_DOWN', 'the server is shutting down'))
    this.#diffs.close()
    this.#figures.close()
    this.retiredWatch.close()
    const workers = this.#workers?.close(DRAIN_MS)
    await Promise.all([
      this.#syncing.close(),
      ...this.#servers.map((server) => server.drain(DRAIN_MS, workers)),
      workers,
    ])
    this.#fetching.stop()
    await this.#injections.close()
    await this.#fills.close()
    await this.#fetching.close()
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()))
    await this.#lists.close()
    await this.#formerSources.close()
    await this.#storage.close()
  }

  /** Swaps what depends on the configuration. Sources that stay the same keep their connections; of others, running transfers end by themselves. */
  async #adopt(config: Config, before: Config, actor: string): Promise<void> {
    const known = { config: before, upstreams: this.#upstreams }
    const upstreams = createUpstreams(config, this.#sourcing, known)
    this.#formerSources.keep(this.#upstreams, upstreams)
    this.#upstreams = upstreams
    this.#resolver.forgetMirrors()
    this.#figures.configure(config)
    this.#lists.configure(config, upstreams)
    this.#signatures.configure(config)
    this.#syncing.adopt(config, before, actor)
    await this.#workers?.adopt()
    await this.#lists.load()
    await this.#formerSources.remember(this.store, upstreams)
    await this.#signatures.forgetOthers()
    await this.#fetching.adopt(config, before)
  }
}
