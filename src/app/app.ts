import { mkdir } from 'node:fs/promises'

import { BlobCache } from './cache/blob-cache.ts'
import { DiskBlobStore } from './cache/disk-blob-store.ts'
import { FillTable } from './cache/fill-table.ts'
import { createLayout, temporaryPath, type Layout } from './cache/layout.ts'
import type { Config, MirrorConfig } from './config/config.ts'
import { createAdminHandler } from './http/admin.ts'
import { listenOnAdminSocket } from './http/admin-socket.ts'
import { route, type RouteContext } from './http/routes.ts'
import { HttpServer } from './http/server.ts'
import { PinyonError } from './model/errors.ts'
import { Content } from './proxy/content.ts'
import { Resolver } from './proxy/resolver.ts'
import { createThreadRunner } from './snapshot/ingest-runner.ts'
import { Scheduler } from './snapshot/scheduler.ts'
import { SqliteSnapshotStore } from './snapshot/sqlite-snapshot-store.ts'
import type { SnapshotStore } from './snapshot/store.ts'
import { SyncBoard } from './snapshot/sync-board.ts'
import { syncMirror, type SyncResult } from './snapshot/sync.ts'
import { Claims } from './system/claims.ts'
import type { Logger } from './system/logger.ts'
import { MirrorUpstream } from './upstream/mirror-upstream.ts'
import { VERSION } from './system/version.ts'

/** How long running answers may go on after a stop was asked for, in milliseconds. */
const DRAIN_MS = 20_000

/** What an {@link App} is opened with. */
export interface AppOptions {
  readonly config: Config
  readonly log: Logger
  /** Milliseconds since the epoch; the system's clock unless told. */
  readonly now?: () => number
}

/**
 * The composition root: builds the rooms in the order of their imports and takes them down in reverse. Several may be open on one data
 * directory at a time, in several processes: what they must agree on is in the store and in the claims.
 */
export class App {
  readonly store: SnapshotStore
  readonly #config: Config
  readonly #log: Logger
  readonly #now: () => number
  readonly #stop = new AbortController()
  readonly #layout: Layout
  readonly #claims: Claims
  readonly #blobs: DiskBlobStore
  readonly #cache: BlobCache
  readonly #fills: FillTable
  readonly #upstreams: ReadonlyMap<string, MirrorUpstream>
  readonly #scheduler: Scheduler
  readonly #board = new SyncBoard()
  readonly #servers: HttpServer[] = []

  private constructor(options: AppOptions, layout: Layout, claims: Claims, blobs: DiskBlobStore) {
    const { config, log } = options
    this.#config = config
    this.#log = log
    this.#now = options.now ?? Date.now
    this.#layout = layout
    this.#claims = claims
    // Storage: blobs on disk, their warm end, snapshots in SQLite.
    this.#blobs = blobs
    this.#cache = new BlobCache(blobs)
    let scratch = 0
    const scratchFile = () => temporaryPath(layout, claims.processId, 'scratch', (scratch += 1))
    this.store = new SqliteSnapshotStore(layout.database, scratchFile)
    // Upstream: the sources of each mirror, and the fills that read them.
    this.#upstreams = new Map(
      [...config.mirrors.values()].map((mirror) => [mirror.name, createUpstream(mirror)]),
    )
    this.#fills = new FillTable({
      blobs,
      claims,
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

  /** Opens the store, sweeps what a crash left, and brings the index in line with the configuration. Listens to nothing yet. */
  static async open(options: AppOptions): Promise<App> {
    const { dataDir, mirrors } = options.config
    let app: App
    try {
      await mkdir(dataDir, { recursive: true })
      const layout = createLayout(dataDir)
      const claims = new Claims(layout.claims)
      app = new App(options, layout, claims, await DiskBlobStore.open(layout, claims))
    } catch (error) {
      if (error instanceof PinyonError) throw error
      const message = `data_dir cannot be used: ${dataDir}: ${(error as Error).message}`
      throw new PinyonError('STORE_FAILED', message, { cause: error })
    }
    const listed = [...mirrors.values()].filter(({ enabled }) => enabled).map(({ name }) => name)
    await app.store.reconcile(listed, app.#now())
    return app
  }

  /** Accepts requests, and commands on the admin socket. Resolves with the port. */
  async listen(): Promise<number> {
    const context = this.#routeContext()
    const server = new HttpServer((exchange) => route(exchange, context), this.#log)
    await server.listen(this.#config.listen)
    this.#servers.push(server)
    const admin = createAdminHandler(context, {
      sync: (mirror) => this.sync(mirror),
      board: this.#board,
    })
    // A sync that waits for its turn says nothing for as long as that takes.
    const adminServer = new HttpServer(admin, this.#log, { idleMs: 0 })
    if (await listenOnAdminSocket(adminServer, this.#layout.adminSocket)) this.#servers.push(adminServer)
    else this.#log.warn({ socket: this.#layout.adminSocket }, 'another server has the admin socket')
    return server.port
  }

  /** Syncs every enabled mirror now and from then on at its interval. */
  startSyncing(): void {
    const enabled = [...this.#config.mirrors.values()].filter((mirror) => mirror.enabled)
    this.#scheduler.start(enabled.map(({ name, syncIntervalMs }) => ({ name, intervalMs: syncIntervalMs })))
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
    await Promise.all([this.#scheduler.close(), ...this.#servers.map((server) => server.drain(DRAIN_MS))])
    await this.#fills.close()
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()))
    this.#cache.close()
    await this.store.close()
    this.#claims.close()
  }

  #routeContext(): RouteContext {
    const { publicUrl } = this.#config
    const upstreamOf = (mirror: string) => this.#upstreams.get(mirror)
    return {
      resolver: new Resolver(this.store),
      content: new Content({ blobs: this.#cache, fills: this.#fills, upstreamOf }),
      snapshots: this.store,
      publicUrl,
      unready: async () => {
        const states = await this.store.mirrors()
        return states.filter(({ listed, current }) => listed && current === undefined).map(({ name }) => name)
      },
    }
  }

  async #sync(mirror: string): Promise<SyncResult> {
    const upstream = this.#upstreams.get(mirror)
    const settings = this.#config.mirrors.get(mirror)
    if (upstream === undefined || settings === undefined) throw new Error(`not configured: ${mirror}`)
    const startedAt = performance.now()
    const result = await syncMirror({
      mirror,
      upstream,
      strict: settings.strict,
      store: this.store,
      blobs: this.#blobs,
      claims: this.#claims,
      now: this.#now,
      signal: this.#stop.signal,
      ingest: createThreadRunner({ dataDir: this.#config.dataDir, processId: this.#claims.processId }),
      onProgress: (progress) => this.#board.report(progress),
    })
    this.#board.end(mirror)
    logSync(this.#log, result, Math.round(performance.now() - startedAt))
    return result
  }
}

function createUpstream(mirror: MirrorConfig): MirrorUpstream {
  const { baseurls, timeoutMs, retries, proxy } = mirror
  const userAgent = `pinyon/${VERSION}`
  return new MirrorUpstream({
    baseurls,
    timeoutMs,
    retries,
    userAgent,
    ...(proxy === undefined ? {} : { proxy }),
  })
}

function logSync(log: Logger, result: SyncResult, ms: number): void {
  const { mirror, outcome } = result
  if (result.outcome === 'failed')
    log.warn({ mirror, outcome, ms, code: result.error.code, reason: result.error.message }, 'sync')
  else if (result.outcome === 'unchanged')
    log.info({ mirror, outcome, ms, snapshot: result.snapshot.name }, 'sync')
  else {
    const { snapshot, generation, added, removed, bytes } = result
    log.info({ mirror, outcome, ms, snapshot: snapshot.name, generation, added, removed, bytes }, 'sync')
  }
}
