import { FillTable } from '../cache/fill-table.ts'
import { createUpstreams, hasSameSources, refuseRestart, scheduledMirrors } from './mirrors.ts'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/problem.ts'
import { createAdminHandler } from '../http/admin.ts'
import { createUseCounter } from '../http/count-use.ts'
import { listenOnAdminSocket } from '../http/admin-socket.ts'
import { route, type RouteContext } from '../http/routes.ts'
import { HttpServer } from '../http/server.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import { toNetwork } from '../model/network.ts'
import type { ConfigurationState } from '../proxy/api-context.ts'
import { Content } from '../proxy/content.ts'
import { Resolver } from '../proxy/resolver.ts'
import { DiffRunner } from '../snapshot/diff-runner.ts'
import { createThreadRunner } from '../snapshot/ingest-runner.ts'
import type { GcReport } from '../snapshot/gc-report.ts'
import { Scheduler } from '../snapshot/scheduler.ts'
import type { SnapshotStore } from '../snapshot/store.ts'
import { SyncBoard } from '../snapshot/sync-board.ts'
import { syncMirror, type SyncResult } from '../snapshot/sync.ts'
import type { Logger } from '../system/logger.ts'
import type { MachineClock } from '../system/machine-clock.ts'
import { Metrics } from '../system/metrics.ts'
import { VERSION } from '../system/version.ts'
import type { MirrorUpstream } from '../upstream/mirror-upstream.ts'
import type { Collector, CollectorOptions } from './collector.ts'
import { Storage } from './storage.ts'

/** How long running answers may go on after a stop was asked for, in milliseconds. */
const DRAIN_MS = 20_000

/** What an {@link App} is opened with. */
export interface AppOptions {
  readonly config: Config
  readonly log: Logger
  /** Reads the configuration anew; without it the first one stays. */
  readonly loadConfig?: () => Config
  /** Milliseconds since the epoch; the system's clock unless told. */
  readonly now?: () => number
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
  readonly #loadConfig: (() => Config) | undefined
  readonly #log: Logger
  readonly #now: () => number
  readonly #stop = new AbortController()
  readonly #storage: Storage
  readonly #fills: FillTable
  readonly #scheduler: Scheduler
  readonly #resolver: Resolver
  readonly #metrics: Metrics
  readonly #board = new SyncBoard()
  readonly #diffs: DiffRunner
  readonly #servers: HttpServer[] = []
  #config: Config
  #upstreams: ReadonlyMap<string, MirrorUpstream>
  /** Why the configuration on disk is not the running one. */
  #refusal: string | undefined
  #reloading: Promise<void> = Promise.resolve()

  private constructor(options: AppOptions, storage: Storage) {
    const { config, log } = options
    this.#config = config
    this.#loadConfig = options.loadConfig
    this.#log = log
    this.#now = options.now ?? Date.now
    // Storage: blobs on disk, their warm end, snapshots in SQLite.
    this.#storage = storage
    this.store = storage.snapshots
    this.#resolver = new Resolver(this.store)
    this.#metrics = new Metrics(VERSION, {
      cache: () => toFigures(storage.describeCache(this.#config.cache.maxBytes)),
      generation: async () => (await this.store.index()).generation,
    })
    this.#diffs = new DiffRunner(config.dataDir)
    // Upstream: the sources of each mirror, and the fills that read them.
    this.#upstreams = createUpstreams(config)
    this.#fills = new FillTable({
      blobs: storage.blobs,
      claims: storage.claims,
      onEnd: ({ digest, size }, error) => {
        if (error === undefined) log.info({ digest, size }, 'filled')
        else log.warn({ digest, size, code: error.code, reason: error.message }, 'fill failed')
      },
    })
    // Syncing: who looks upstream, and when.
    this.#scheduler = new Scheduler({
      sync: (mirror) => this.#sync(mirror),
      checkedAt: async (mirror) =>
        (await this.store.mirrors()).find(({ name }) => name === mirror)?.checkedAt,
      now: this.#now,
      random: Math.random,
    })
  }

  /** Opens the store and sweeps what a crash left. Changes nothing that clients see, and listens to nothing yet. */
  static async open(options: AppOptions): Promise<App> {
    let app: App | undefined
    const config = () => app?.config ?? options.config
    const { log, now = Date.now } = options
    const onReport: CollectorOptions['onReport'] = (report, kind) => app?.noteReport(report, kind)
    const { clock, maxViews } = options
    const storage = await Storage.open({ config, log, now, clock, maxViews, onReport })
    app = new App(options, storage)
    return app
  }

  /** The running configuration. */
  get config(): Config {
    return this.#config
  }

  /** Takes note of what a collection did. */
  noteReport(report: GcReport, kind: 'collect' | 'evict'): void {
    const { unlisted, evicted } = report.blobs
    this.#metrics.countRemoved('unreferenced', unlisted)
    this.#metrics.countRemoved('size', evicted)
    if (kind === 'collect') this.#metrics.countCollection(this.#now())
    const gone = new Set(
      report.snapshots.filter(({ goes }) => goes).map(({ mirror, name }) => `${mirror} ${name}`),
    )
    if (gone.size > 0) this.#resolver.forget(({ mirror, name }) => gone.has(`${mirror} ${name}`))
  }

  /** Collects what is not needed any more. */
  get collector(): Collector {
    return this.#storage.collector
  }

  /** Brings the index in line with the configuration: what is listed, and what is pinned. Throws ConfigError for an unknown pin. */
  async applyConfiguration(): Promise<void> {
    await this.#reconcile(this.#config)
  }

  /** Applies the configuration and accepts requests, and commands on the admin socket. Resolves with the port. */
  async listen(): Promise<number> {
    const context = this.#routeContext()
    // The socket's user is told file, line and value; the network only that something is wrong.
    const open = {
      ...context,
      configuration: () => hideDetails(context.configuration()),
      showClient: toNetwork,
    }
    const onEnd = createUseCounter(this.#storage.usage)
    const server = new HttpServer((exchange) => route(exchange, open), this.#log, { onEnd })
    await server.listen(this.#config.listen)
    this.#servers.push(server)
    // Only now: a server that cannot start must not change what another one on the same directory serves.
    await this.applyConfiguration()
    await this.#storage.sweeper.sweep()
    const admin = createAdminHandler(context, {
      sync: (mirror) => this.sync(mirror),
      reload: () => this.reload(),
      collect: (options) => this.collector.collect(options),
      board: this.#board,
    })
    // A sync that waits for its turn says nothing for as long as that takes.
    const adminServer = new HttpServer(admin, this.#log, { idleMs: 0 })
    if (await listenOnAdminSocket(adminServer, this.#storage.layout.adminSocket))
      this.#servers.push(adminServer)
    else this.#log.warn({ socket: this.#storage.layout.adminSocket }, 'another server has the admin socket')
    return server.port
  }

  /** Syncs every enabled mirror now and from then on at its interval, and collects now and then what is not needed any more. */
  startSyncing(): void {
    this.#scheduler.schedule(scheduledMirrors(this.#config))
    this.#storage.collector.start()
  }

  /**
   * Reads the configuration anew and makes it the running one, all of it or nothing; requests and syncs go on meanwhile.
   * @throws ConfigError for one that is invalid, pins what is not there, or wants what only a restart can give
   */
  async reload(): Promise<void> {
    const before = this.#reloading
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#reloading = promise
    await before
    try {
      const config = this.#loadConfig?.() ?? this.#config
      refuseRestart(this.#config, config)
      await this.#reconcile(config)
      this.#adopt(config)
      this.#refusal = undefined
      this.#metrics.countReload(true, this.#now())
      this.#log.info({ file: config.file, mirrors: config.mirrors.size }, 'configuration')
    } catch (error) {
      this.#refusal = toPinyonError(error).message
      this.#metrics.countReload(false, this.#now())
      this.#log.error({ reason: this.#refusal }, 'configuration refused: the running one stays')
      throw error
    } finally {
      resolve()
    }
  }

  /**
   * Syncs one mirror now, or joins the sync of it that runs.
   * @throws PinyonError NOT_FOUND for one that is not configured
   */
  async sync(mirror: string): Promise<SyncResult> {
    if (!this.#upstreams.has(mirror))
      throw new PinyonError('NOT_FOUND', `no such mirror is configured: ${mirror}`)
    return await this.#scheduler.sync(mirror)
  }

  /** Progress of running syncs. */
  get board(): SyncBoard {
    return this.#board
  }

  /** Lets running answers finish, ends everything else, and closes the store. */
  async close(): Promise<void> {
    this.#stop.abort(new PinyonError('SHUTTING_DOWN', 'the server is shutting down'))
    this.#diffs.close()
    await Promise.all([this.#scheduler.close(), ...this.#servers.map((server) => server.drain(DRAIN_MS))])
    await this.#fills.close()
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()))
    await this.#storage.close()
  }

  /** Lists and pins what the configuration says; a pin to what is not there becomes an error with its line. */
  async #reconcile(config: Config): Promise<void> {
    const enabled = [...config.mirrors.values()].filter((mirror) => mirror.enabled)
    const listed = enabled.map(({ name, pin }) => (pin === undefined ? { name } : { name, pin }))
    try {
      await this.store.reconcile(listed, this.#now())
    } catch (error) {
      if (!(error instanceof PinyonError) || error.code !== 'PIN_UNKNOWN') throw error
      const { mirror, pin, nearest } = error.facts as { mirror: string; pin: string; nearest: string[] }
      const line = config.mirrors.get(mirror)?.pinLine
      const known =
        nearest.length === 0
          ? 'no pin: it has no snapshot yet'
          : `one of its snapshots, such as ${nearest.join(', ')}`
      const problem = { file: config.file, key: `mirrors.${mirror}.pin`, found: pin, expected: known }
      throw new ConfigError([line === undefined ? problem : { ...problem, line }], error)
    }
  }

  /** Swaps what depends on the configuration. Sources that stay the same keep their connections; of others, running transfers end by themselves. */
  #adopt(config: Config): void {
    const before = this.#config
    this.#upstreams = createUpstreams(config, { config: before, upstreams: this.#upstreams })
    this.#config = config
    this.#scheduler.schedule(scheduledMirrors(config))
    for (const { name, enabled } of config.mirrors.values()) {
      const old = before.mirrors.get(name)
      if (enabled && old?.enabled === true && !hasSameSources(old, config.mirrors.get(name)))
        void this.#scheduler.sync(name).catch(() => undefined)
    }
  }

  #routeContext(): RouteContext {
    const upstreamOf = (mirror: string) => this.#upstreams.get(mirror)
    return {
      resolver: this.#resolver,
      content: new Content({
        blobs: this.#storage.cache,
        fills: this.#fills,
        upstreamOf,
        onBypass: () => this.#metrics.countBypass(),
      }),
      snapshots: this.store,
      usage: { reader: this.store.usage, flush: () => this.#storage.usage.flush() },
      // Its callers narrow what the network sees: see listen.
      showClient: (address) => address,
      diff: (pair) => this.#diffs.diff(pair),
      publicUrl: () => this.#config.publicUrl,
      configuration: () => ({ error: this.#refusal }),
      cache: () => this.#storage.describeCache(this.#config.cache.maxBytes),
      metrics: async () => ({ contentType: this.#metrics.contentType, text: await this.#metrics.text() }),
      unready: async () => {
        const states = await this.store.mirrors()
        return states.filter(({ listed, current }) => listed && current === undefined).map(({ name }) => name)
      },
    }
  }

  async #sync(mirror: string): Promise<SyncResult> {
    const upstream = this.#upstreams.get(mirror)
    const settings = this.#config.mirrors.get(mirror)
    if (upstream === undefined || settings === undefined) {
      // It waited its turn, and meanwhile went out of the configuration.
      const error = new PinyonError('NOT_FOUND', `no such mirror is configured: ${mirror}`)
      return { mirror, outcome: 'failed', error }
    }
    const startedAt = performance.now()
    const result = await syncMirror({
      mirror,
      upstream,
      strict: settings.strict,
      store: this.store,
      blobs: this.#storage.blobs,
      claims: this.#storage.claims,
      now: this.#now,
      signal: this.#stop.signal,
      ingest: createThreadRunner({
        dataDir: this.#config.dataDir,
        processId: this.#storage.claims.processId,
      }),
      onProgress: (progress) => this.#board.report(progress),
    })
    this.#board.end(mirror)
    logSync(this.#log, result, Math.round(performance.now() - startedAt))
    return result
  }
}

function logSync(log: Logger, result: SyncResult, ms: number): void {
  const { mirror, outcome } = result
  if (result.outcome === 'failed')
    log.warn({ mirror, outcome, ms, code: result.error.code, reason: result.error.message }, 'sync')
  else if (result.outcome === 'unchanged')
    log.info({ mirror, outcome, ms, snapshot: result.snapshot.name }, 'sync')
  else {
    const { snapshot, generation, added, removed, replaced, bytes } = result
    const facts = { mirror, outcome, ms, snapshot: snapshot.name, generation, added, removed, bytes }
    if (replaced > 0) log.warn({ ...facts, replaced }, 'sync')
    else log.info(facts, 'sync')
  }
}

function toFigures(view: ReturnType<Storage['describeCache']>) {
  return {
    count: view.blobs,
    bytes: view.bytes,
    maxBytes: view.max_bytes,
    reservedBytes: view.reserved_bytes,
    protectedBytes: view.only_here_bytes ?? undefined,
  }
}

function hideDetails({ error }: ConfigurationState): ConfigurationState {
  return {
    error:
      error === undefined ? undefined : 'the file on disk is refused: see the status command, or the log',
  }
}
