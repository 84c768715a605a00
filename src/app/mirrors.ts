import { allBaseurls, perArch } from '../config/arches.ts'
import type { Config, MirrorConfig } from '../config/config.ts'
import { formatListen } from '../config/listen.ts'
import { ConfigError } from '../config/problem.ts'
import type { ScheduledMirror } from '../snapshot/scheduler.ts'
import { ArchSources, type MirrorUpstreams } from '../upstream/arch-sources.ts'
import type { MirrorUpstream } from '../upstream/mirror-upstream.ts'
import { createUpstream, type SharedUpstream } from './create-upstream.ts'
import type { SnapshotStore } from '../snapshot/store.ts'

// From a configuration to what app.ts is built from, and what a change of it means.

/** What the sources of all mirrors have in common, and what makes sure that those are known which a mirror's list names. */
export interface SharedSources extends SharedUpstream {
  readonly prepare: (mirror: string, arch?: string) => Promise<void>
}

/** The sources of every mirror; those that stay as they were in the configuration before are kept. */
export function createUpstreams(
  config: Config,
  shared: SharedSources,
  before?: { readonly config: Config; readonly upstreams: ReadonlyMap<string, MirrorUpstreams> },
): ReadonlyMap<string, MirrorUpstreams> {
  return new Map(
    [...config.mirrors.values()].map((mirror) => {
      const same = hasSameSources(before?.config.mirrors.get(mirror.name), mirror)
      const kept = same ? before?.upstreams.get(mirror.name) : undefined
      const { name, failovermethod = 'priority' } = mirror
      const create = (own: MirrorConfig, arch?: string) =>
        createUpstream(own, shared, { failovermethod, prepare: () => shared.prepare(name, arch) })
      return [name, kept ?? createEach(mirror, create)]
    }),
  )
}

/** The sources of a mirror, made for its one repository or for each of its architectures. */
function createEach(
  mirror: MirrorConfig,
  create: (own: MirrorConfig, arch?: string) => MirrorUpstream,
): MirrorUpstreams {
  if (mirror.arches === undefined) return create(mirror)
  const own = perArch(mirror).map(({ arch = '', ...settings }) => [arch, create(settings, arch)] as const)
  return new ArchSources(new Map(own))
}

/** The fallbacks of every mirror that has any; those that stay as they were are kept. */
export function createFallbacks(
  config: Config,
  shared: SharedUpstream,
  before?: { readonly config: Config; readonly fallbacks: ReadonlyMap<string, MirrorUpstreams> },
): ReadonlyMap<string, MirrorUpstreams> {
  const withFallbacks = [...config.mirrors.values()].filter(({ fallbacks }) => fallbacks.length > 0)
  return new Map(
    withFallbacks.map((mirror) => {
      const same = hasSameFallbacks(before?.config.mirrors.get(mirror.name), mirror)
      const kept = same ? before?.fallbacks.get(mirror.name) : undefined
      // They are shown nothing that is meant for upstream.
      const more = { knownTo: allBaseurls(mirror) }
      const create = (own: MirrorConfig) => createUpstream({ ...own, baseurls: own.fallbacks }, shared, more)
      return [mirror.name, kept ?? createEach(mirror, create)]
    }),
  )
}

/** Whether two settings of a mirror mean the same fallbacks, asked in the same way. */
export function hasSameFallbacks(a: MirrorConfig | undefined, b: MirrorConfig | undefined): boolean {
  return describeFallbacks(a) === describeFallbacks(b)
}

function describeFallbacks(mirror: MirrorConfig | undefined): string {
  return JSON.stringify([mirror?.fallbacks, describeArches(mirror), ...describeAsking(mirror)])
}

/** Whether two settings of a mirror mean the same sources, asked in the same way. */
export function hasSameSources(a: MirrorConfig | undefined, b: MirrorConfig | undefined): boolean {
  return describeSources(a) === describeSources(b)
}

function describeSources(mirror: MirrorConfig | undefined): string {
  const { baseurls, list, variables = [], failovermethod } = mirror ?? {}
  const places = [baseurls, list, [...variables], describeArches(mirror), failovermethod]
  return JSON.stringify([...places, ...describeAsking(mirror)])
}

function describeArches(mirror: MirrorConfig | undefined): readonly string[] | undefined {
  return mirror?.arches?.map(({ arch }) => arch)
}

/** What files of certificates and secrets hold is no part of it: that is read anew anyway. */
function describeAsking(mirror: MirrorConfig | undefined): readonly unknown[] {
  const { timeoutMs, retries, proxy, access, pace } = mirror ?? {}
  return [timeoutMs, retries, proxy, access, pace]
}

/** The hashes of the tokens that may write, by name. */
export function hashesOf({ tokens = new Map() }: Config): ReadonlyMap<string, Uint8Array> {
  return new Map([...tokens].map(([name, { sha256 }]) => [name, sha256]))
}

/** When each enabled mirror is to be synced. */
export function scheduledMirrors(config: Config): ScheduledMirror[] {
  const enabled = [...config.mirrors.values()].filter((mirror) => mirror.enabled)
  return enabled.map(({ name, syncIntervalMs }) => ({ name, intervalMs: syncIntervalMs }))
}

/**
 * Refuses what a running server cannot change.
 * @param mayBeEmpty whether no mirror at all is meant, as after a command that removed the last one
 * @throws ConfigError naming every such key
 */
export function refuseRestart(running: Config, wanted: Config, mayBeEmpty = false): void {
  const facts = [
    { key: 'listen', now: formatListen(running.listen), found: formatListen(wanted.listen) },
    { key: 'data_dir', now: running.dataDir, found: wanted.dataDir },
  ]
  const problems = facts
    .filter(({ now, found }) => now !== found)
    .map(({ key, now, found }) => ({ file: wanted.file, key, found, expected: `${now} until a restart` }))
  // A file that was cut off, or is just being written, must not empty the index of a farm. `mirrors: {}` is no such one.
  if (!mayBeEmpty && wanted.saysNoMirrors !== true && running.mirrors.size > 0 && wanted.mirrors.size === 0)
    problems.push({
      file: wanted.file,
      key: 'mirrors',
      found: 'none',
      expected: 'at least one, or `mirrors: {}` when none is meant: a file that was cut off has none either',
    })
  if (problems.length > 0) throw new ConfigError(problems)
}

/** Enabled mirrors that have no snapshot yet. */
export async function findUnready(store: Pick<SnapshotStore, 'mirrors'>): Promise<readonly string[]> {
  const states = await store.mirrors()
  return states.filter(({ listed, current }) => listed && current === undefined).map(({ name }) => name)
}
