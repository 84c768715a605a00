import { join } from 'node:path'
import type { TestContext } from 'node:test'

import type { ArchConfig, MirrorConfig } from '../../src/config/config.ts'
import { startApp, type StartAppOptions, type StartedApp } from './start-app.ts'
import {
  writeSyntheticRepository,
  type SyntheticOptions,
  type SyntheticPackage,
} from './synthetic-repository.ts'
import { tempDir } from './temp-dir.ts'
import { startUpstream, type Upstream } from './upstream.ts'

/** A mirror of several architectures as a configuration gives it. @param baseurl with `$basearch` */
export function archSettings(
  baseurl: string,
  arches: readonly string[],
  more: (arch: string) => Partial<ArchConfig> = () => ({}),
): Pick<MirrorConfig, 'baseurls' | 'arches'> {
  const fill = (arch: string) => baseurl.replaceAll('$basearch', arch)
  return {
    baseurls: [baseurl],
    arches: arches.map((arch) => ({ arch, baseurls: [fill(arch)], fallbacks: [], ...more(arch) })),
  }
}

/** An upstream with a repository for each of two architectures, and a farm that mirrors them as `m`. */
export class ArchFarm {
  readonly dir: string
  readonly upstream: Upstream
  readonly farm: StartedApp
  #revision = 1_600_000_000

  private constructor(dir: string, upstream: Upstream, farm: StartedApp) {
    this.dir = dir
    this.upstream = upstream
    this.farm = farm
  }

  /** Nothing is published yet. @param settings of the mirror, in place of the usual ones, by where upstream is */
  static async start(
    t: TestContext,
    settings: (url: string) => Partial<MirrorConfig> = () => ({}),
    options: Partial<StartAppOptions> = {},
  ): Promise<ArchFarm> {
    const dir = tempDir(t)
    const upstream = await startUpstream(t, dir)
    const sources = archSettings(`${upstream.url}$basearch/`, ['aarch64', 'x86_64'])
    let now = Date.now()
    const farm = await startApp(t, {
      mirrors: { m: { ...sources, ...settings(upstream.url) } },
      now: () => (now += 60_000),
      ...options,
    })
    return new ArchFarm(dir, upstream, farm)
  }

  /** Where upstream has an architecture's repository. */
  dirOf(arch: string): string {
    return join(this.dir, arch)
  }

  /** Publishes a repository upstream; each is newer than all before. */
  publish(
    arch: string,
    packages: readonly SyntheticPackage[],
    options: Partial<SyntheticOptions> = {},
  ): void {
    this.#revision += 1
    writeSyntheticRepository(this.dirOf(arch), { packages, revision: this.#revision, ...options })
  }

  /** Asks the server for JSON. */
  async json<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.farm.url}${path}`)).json()) as T
  }
}

/** The base URL of an index as a machine of an architecture takes it. */
export function baseFor(baseurl: string, arch: string): string {
  return baseurl.replaceAll('$basearch', arch)
}
