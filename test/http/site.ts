import type { TestContext } from 'node:test'

import { App } from '../../src/app/app.ts'
import type { Config, MirrorConfig } from '../../src/config/config.ts'
import {
  writeSyntheticRepository,
  type SyntheticPackage,
  type SyntheticRepository,
} from '../support/synthetic-repository.ts'
import { DEFAULT_CACHE, DEFAULT_RETENTION, NO_PREFETCH, ON_DEMAND } from '../support/config-defaults.ts'
import { ingestHere } from '../support/ingest-here.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { Connection } from './connection.ts'
import { LogRecorder } from './log-recorder.ts'

/** The moment at which sites publish: on no full second. */
const PUBLISHED_AT = Date.UTC(2016, 11, 13, 13, 30, 12, 345)
export const SNAPSHOT = '2016-12-13-13-30'
export const LAST_MODIFIED = 'Tue, 13 Dec 2016 13:30:12 GMT'

/** A server in this process with one mirror, `m`, of a repository that an {@link Upstream} serves. */
export interface Site {
  readonly app: App
  readonly upstream: Upstream
  readonly repository: SyntheticRepository
  /** Where the repository lies, to publish further generations. */
  readonly root: string
  readonly dataDir: string
  readonly port: number
  /** `http://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string
  /** Path of the snapshot, with a slash at the end. */
  readonly base: string
  readonly log: LogRecorder
  /** Moves the server's clock on. */
  later(ms: number): void
  /** Resolves when so many fills have stored their blob: until then the next request joins them. */
  filled(count?: number): Promise<void>
  connect(): Promise<Connection>
  close(): Promise<void>
}

/** How a site differs from an empty one. */
export interface SiteOptions {
  readonly packages?: readonly SyntheticPackage[]
  readonly mirror?: Partial<MirrorConfig>
  /** Further mirrors, never synced. */
  readonly others?: readonly string[]
  readonly publicUrl?: string
  /** Changes what was written before it is synced. */
  readonly prepare?: (root: string) => void
  readonly dataDir?: string
}

/** Starts a site whose mirror has one snapshot; the log of its upstream begins after that. */
export async function startSite(t: TestContext, options: SiteOptions = {}): Promise<Site> {
  const root = tempDir(t)
  const repository = writeSyntheticRepository(root, { packages: options.packages ?? [] })
  options.prepare?.(root)
  const upstream = await startUpstream(t, root)
  const dataDir = options.dataDir ?? tempDir(t)
  const log = new LogRecorder()
  let now = PUBLISHED_AT
  const config = createConfig(dataDir, [upstream.url], options)
  const app = await App.open({ config, log: log.logger, now: () => now, createIngests: ingestHere() })
  // Each sync is a minute later, so that snapshots and syncs can be told apart.
  const sync = app.sync.bind(app)
  app.sync = async (mirror) => {
    now += 60_000
    return await sync(mirror)
  }
  let closed: Promise<void> | undefined
  const close = () => (closed ??= app.close())
  t.after(close)
  const port = await app.listen()
  now = PUBLISHED_AT - 60_000
  const result = await app.sync('m')
  if (result.outcome === 'failed') throw result.error
  upstream.requests.length = 0
  const connect = async () => {
    const connection = await Connection.open(port)
    t.after(() => connection.close())
    return connection
  }
  const name = result.snapshot.name
  const url = `http://127.0.0.1:${port}`
  const base = `/repos/yum/m/${name}/`
  const filled = async (count?: number) => void (await log.waitFor('filled', count))
  const later = (ms: number) => void (now += ms)
  return { app, upstream, repository, root, dataDir, port, url, base, log, filled, later, connect, close }
}

function createConfig(dataDir: string, baseurls: readonly string[], options: SiteOptions): Config {
  const defaults = {
    enabled: true,
    syncIntervalMs: 'off',
    timeoutMs: 10_000,
    retries: 0,
    strict: false,
    repoGpgcheck: false,
    allowOlder: false,
    ...ON_DEMAND,
  } as const
  const mirrors = ['m', ...(options.others ?? [])].map((name): [string, MirrorConfig] => [
    name,
    { name, baseurls, ...defaults, ...options.mirror },
  ])
  return {
    file: '/nonexistent/pinyon.yaml',
    listen: { host: '127.0.0.1', port: 0 },
    dataDir,
    syncIntervalMs: 'off',
    retention: DEFAULT_RETENTION,
    cache: DEFAULT_CACHE,
    ...NO_PREFETCH,
    mirrors: new Map(mirrors),
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
  }
}
