import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { App } from '../../src/app/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { SyncResult } from '../../src/snapshot/sync.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { httpGet } from '../support/http-get.ts'
import { ingestHere } from '../support/ingest-here.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { DEMO_NOW } from './demo-mirrors.ts'

/** What may write. */
export const TROUBLE_TOKEN = 'trouble-0123456789abcdef'

/** An upstream of its own, and the directory that it serves. */
export interface TroubleUpstream {
  readonly upstream: Upstream
  readonly root: string
  /** Makes these its packages; of those that are not listed any more the files go. */
  readonly publish: (packages: readonly SyntheticPackage[]) => readonly string[]
}

/** A server with a configuration file, whose mirrors have real upstreams that can be brought into real trouble. */
export interface TroubleFarm {
  readonly app: App
  /** `http://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string
  /** The configuration file, in a directory of its own. */
  readonly file: string
  readonly of: (mirror: string) => TroubleUpstream
  readonly now: () => number
  /** Moves the server's clock on. */
  readonly later: (ms: number) => void
  /** Starts the server anew, on the same port; whoever calls this has closed {@link app}. */
  readonly startAgain: () => Promise<void>
  /** Edits the configuration file and has it read. Throws ConfigError. */
  readonly configure: (edit: (text: string) => string) => Promise<void>
  /** Syncs a mirror, however that ends. */
  readonly sync: (mirror: string) => Promise<SyncResult>
  /** Asks for a file of a mirror's current snapshot. */
  readonly get: (mirror: string, path: string) => Promise<number>
}

/** How to start it. */
export interface TroubleOptions {
  /** Further lines of each mirror's entry. */
  readonly mirrors: Readonly<Record<string, readonly string[]>>
  /** Lines before the mirrors. */
  readonly head?: readonly string[]
  readonly dataDir?: string
  readonly hasTokens?: boolean
  /** How often mirrors are looked at, from {@link App.startSyncing} or the first change of the configuration on: `off` unless told. */
  readonly syncInterval?: string
}

/** Starts it, at the moment {@link DEMO_NOW}; nothing is synced. */
export async function startTroubleFarm(t: TestContext, options: TroubleOptions): Promise<TroubleFarm> {
  const { mirrors, head = [], dataDir = tempDir(t), hasTokens = true, syncInterval = 'off' } = options
  const dir = tempDir(t)
  const file = join(dir, 'pinyon.yaml')
  writeFileSync(join(dir, 'token'), `${TROUBLE_TOKEN}\n`)
  const upstreams = new Map<string, TroubleUpstream>()
  for (const name of Object.keys(mirrors)) upstreams.set(name, await startTroubleUpstream(t))
  const of = (mirror: string) => {
    const found = upstreams.get(mirror)
    if (found === undefined) throw new Error(`no such mirror: ${mirror}`)
    return found
  }
  const entries = Object.entries(mirrors).map(([name, lines]) => {
    const all = [
      `baseurl: ${of(name).upstream.url}`,
      'retries: 0',
      `sync_interval: ${syncInterval}`,
      ...lines,
    ]
    return `  ${name}:\n${all.map((line) => `    ${line}\n`).join('')}`
  })
  const tokens = hasTokens ? ['tokens:', '  operator: { file: token }'] : []
  const lines = ['listen: 127.0.0.1:0', `data_dir: ${dataDir}`, 'policy: on_demand', ...head, ...tokens]
  writeFileSync(
    file,
    `${lines.join('\n')}\nmirrors:${entries.length === 0 ? ' {}' : ''}\n${entries.join('')}`,
  )
  let now = DEMO_NOW
  const load = () => loadConfig(file, {})
  const start = async (port?: number) => {
    const config = load()
    const listen = { ...config.listen, ...(port === undefined ? {} : { port }) }
    const log = createSilentLogger()
    return await App.open({
      config: { ...config, listen },
      log,
      loadConfig: load,
      now: () => now,
      createIngests: ingestHere(),
    })
  }
  let app = await start()
  t.after(() => app.close())
  const port = await app.listen()
  const url = `http://127.0.0.1:${port}`
  return {
    get app() {
      return app
    },
    url,
    file,
    of,
    now: () => now,
    later: (ms) => void (now += ms),
    startAgain: async () => {
      app = await start(port)
      await app.listen()
    },
    configure: async (edit) => {
      writeFileSync(file, edit(readFileSync(file, 'utf8')))
      await app.reload()
    },
    sync: (mirror) => app.sync(mirror),
    get: async (mirror, path) => (await httpGet(`${url}/repos/yum/${mirror}/latest/${path}`)).status,
  }
}

async function startTroubleUpstream(t: TestContext): Promise<TroubleUpstream> {
  const root = tempDir(t)
  mkdirSync(root, { recursive: true })
  const publish = (packages: readonly SyntheticPackage[]) => {
    rmSync(join(root, 'Packages'), { recursive: true, force: true })
    return writeSyntheticRepository(root, { packages }).packages.map(({ href }) => href)
  }
  publish([{ name: 'bash' }, { name: 'podman' }])
  return { upstream: await startUpstream(t, root), root, publish }
}
