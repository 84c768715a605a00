import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import type { Config, MirrorConfig } from '../../src/config/config.ts'
import type { MirrorView, SnapshotView } from '../../src/proxy/api-mirrors.ts'
import { LogRecorder } from '../http/log-recorder.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp, type StartedApp } from '../support/start-app.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** A server with one mirror `m`, an upstream whose packages come and go, and a clock that moves a minute a look. */
export class Farm {
  readonly upstream: Upstream
  readonly app: StartedApp
  readonly log: LogRecorder
  readonly clock: { now: number }
  #config: Config | undefined

  /** What the server reads when it is told to; what it has, until it is changed. */
  readonly load = (): Config => this.#config ?? this.app.app.config

  constructor(parts: Pick<Farm, 'upstream' | 'app' | 'log' | 'clock'>) {
    this.upstream = parts.upstream
    this.app = parts.app
    this.log = parts.log
    this.clock = parts.clock
  }

  /** Upstream has exactly these packages, written as `name-version`; files of others are gone, or stay for a while. */
  push(packages: readonly string[], { keep = false }: { readonly keep?: boolean } = {}): void {
    if (!keep) rmSync(join(this.upstream.root, 'Packages'), { recursive: true, force: true })
    this.pushPackages(packages.map(toPackage))
  }

  /** The same for packages of whatever content; files of others stay. */
  pushPackages(packages: readonly SyntheticPackage[]): void {
    writeSyntheticRepository(this.upstream.root, { packages })
  }

  /** Makes this the running configuration. */
  async reconfigure(config: Config): Promise<void> {
    this.#config = config
    await this.app.app.reload()
    await this.app.app.prefetcher.settled('m')
  }

  /** Syncs, waits until what that began has ended, and gives the URL of the snapshot. */
  async sync(): Promise<string> {
    this.clock.now += 60_000
    const { snapshot } = await this.app.sync('m')
    await this.app.app.prefetcher.settled('m')
    return `${this.app.url}/repos/yum/m/${snapshot.name}`
  }

  /** Asks for a package of a snapshot. */
  async get(snapshot: string, nevr: string): ReturnType<typeof httpGet> {
    return await httpGet(`${snapshot}/${hrefOf(nevr)}`)
  }

  /** Asks for it, and brings it to the store that it was asked for. */
  async use(snapshot: string, nevr: string): Promise<void> {
    const { status } = await this.get(snapshot, nevr)
    assert.equal(status, 200)
    await httpGet(`${this.app.url}/api/v1/usage`)
  }

  async mirror(): Promise<MirrorView> {
    return JSON.parse((await httpGet(`${this.app.url}/api/v1/mirrors/m`)).body.toString()) as MirrorView
  }

  /** A snapshot as the API shows it, by its URL. */
  async snapshot(url: string): Promise<SnapshotView> {
    const name = url.slice(url.lastIndexOf('/') + 1)
    const reply = await httpGet(`${this.app.url}/api/v1/mirrors/m/snapshots/${name}`)
    return JSON.parse(reply.body.toString()) as SnapshotView
  }

  /** How many packages of all snapshots are kept, at risk, and lost. */
  async departed(): Promise<number[]> {
    const { kept, at_risk: atRisk, lost } = await this.mirror()
    return [kept, atRisk, lost]
  }

  /** How often upstream was asked for a package. */
  asked(nevr: string): number {
    return this.upstream.count(hrefOf(nevr))
  }
}

/** `name-version` as a package. */
function toPackage(nevr: string): SyntheticPackage {
  const [name = '', version = ''] = nevr.split('-')
  return { name, version, content: 20_000 }
}

/** Where a package given as `name-version` lies in its repository. */
export function hrefOf(nevr: string): string {
  return `Packages/${nevr.slice(0, 1)}/${nevr}-1.noarch.rpm`
}

/** How a farm differs. */
export interface FarmOptions {
  readonly mirror?: Partial<MirrorConfig>
  readonly settings?: Partial<Config>
  readonly dataDir?: string
}

/** Starts a farm whose mirror's policy is `warm` unless told. */
export async function startFarm(t: TestContext, options: FarmOptions = {}): Promise<Farm> {
  const upstream = await startUpstream(t, tempDir(t))
  const log = new LogRecorder()
  const clock = { now: Date.UTC(2026, 0, 1) }
  const app = await startApp(t, {
    mirrors: { m: { baseurls: [upstream.url], policy: 'warm', ...options.mirror } },
    now: () => clock.now,
    log: log.logger,
    loadConfig: () => farm.load(),
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
  })
  const farm: Farm = new Farm({ upstream, app, log, clock })
  return farm
}
