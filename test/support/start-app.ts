import type { TestContext } from 'node:test'

import { App } from '../../src/app/app.ts'
import type { Config, MirrorConfig } from '../../src/config/config.ts'
import type { SyncResult } from '../../src/snapshot/sync.ts'
import { createSilentLogger, type Logger } from '../../src/system/logger.ts'
import type { MachineClock } from '../../src/system/machine-clock.ts'
import { DEFAULT_CACHE, DEFAULT_RETENTION, NO_PREFETCH, ON_DEMAND } from './config-defaults.ts'
import { ingestHere } from './ingest-here.ts'
import { tempDir } from './temp-dir.ts'

/** A server inside the test's own process. */
export interface StartedApp {
  readonly app: App
  readonly dataDir: string
  /** `http://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string
  /** Syncs a mirror and fails the test unless it succeeded. */
  readonly sync: (mirror: string) => Promise<Exclude<SyncResult, { outcome: 'failed' }>>
  /** URL of a mirror's current snapshot, no trailing slash, as the index tells it. */
  readonly current: (mirror: string) => Promise<string>
  /** Closes it now rather than at the test's end. */
  readonly close: () => Promise<void>
}

/** Settings of a mirror. Of files beside repomd.xml none are pinned unless told: those of a configuration that says nothing are `usual`. */
export type StartedMirror = Partial<Omit<MirrorConfig, 'extraFiles'>> & {
  readonly baseurls: readonly string[]
  readonly extraFiles?: readonly string[] | 'usual'
}

/** How to start it. Nothing is synced unless the test asks. */
export interface StartAppOptions {
  /** Baseurls by mirror name, or whole settings. */
  readonly mirrors: Readonly<Record<string, string | StartedMirror>>
  readonly dataDir?: string
  /** Further settings. */
  readonly settings?: Partial<Config>
  readonly publicUrl?: string
  readonly now?: () => number
  readonly clock?: MachineClock
  readonly maxViews?: number
  /** Whether each ingest has a thread of its own, as in a server: for tests in which others ask meanwhile. It is here unless told. */
  readonly threads?: boolean
  /** Reads the configuration anew; without it the first one stays. */
  readonly loadConfig?: () => Config
  /** Nothing is logged unless told. */
  readonly log?: Logger
}

/** Starts a server on a free port with a data directory of its own. */
export async function startApp(t: TestContext, options: StartAppOptions): Promise<StartedApp> {
  const dataDir = options.dataDir ?? tempDir(t)
  const config = createConfig(dataDir, options)
  const app = await App.open({
    config,
    log: options.log ?? createSilentLogger(),
    ...(options.threads === true ? {} : { createIngests: ingestHere() }),
    ...(options.now ? { now: options.now } : {}),
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.loadConfig ? { loadConfig: options.loadConfig } : {}),
    ...(options.maxViews === undefined ? {} : { maxViews: options.maxViews }),
  })
  let closed: Promise<void> | undefined
  const close = () => (closed ??= app.close())
  t.after(close)
  const url = `http://127.0.0.1:${await app.listen()}`
  return {
    app,
    dataDir,
    url,
    close,
    sync: async (mirror) => {
      const result = await app.sync(mirror)
      if (result.outcome === 'failed') throw result.error
      return result
    },
    current: async (mirror) => {
      const index = (await (await fetch(`${url}/repos/yum/all_latest.json`)).json()) as IndexBody
      return index.latest_ci_repos[mirror] ?? ''
    },
  }
}

interface IndexBody {
  readonly latest_ci_repos: Readonly<Record<string, string>>
}

/** The configuration that {@link startApp} starts with. */
export function createConfig(
  dataDir: string,
  { mirrors, publicUrl, settings: further }: StartAppOptions,
): Config {
  const settings = Object.entries(mirrors).map(([name, value]): [string, MirrorConfig] => {
    const { extraFiles = [], ...given }: StartedMirror =
      typeof value === 'string' ? { baseurls: [value] } : value
    const defaults = {
      enabled: true,
      syncIntervalMs: 'off',
      timeoutMs: 10_000,
      retries: 0,
      strict: false,
      repoGpgcheck: false,
      allowOlder: false,
      ...(extraFiles === 'usual' ? {} : { extraFiles }),
      ...ON_DEMAND,
    } as const
    return [name, { name, ...defaults, ...given }]
  })
  return {
    file: '/nonexistent/pinyon.yaml',
    listen: { host: '127.0.0.1', port: 0 },
    dataDir,
    syncIntervalMs: 'off',
    retention: DEFAULT_RETENTION,
    cache: DEFAULT_CACHE,
    ...NO_PREFETCH,
    mirrors: new Map(settings),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...further,
  }
}
