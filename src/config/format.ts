import { pathToFileURL } from 'node:url'
import { Document, isScalar } from 'yaml'
import type { Config, GpgKey, MirrorConfig, SyncInterval, TokenConfig } from './config.ts'
import { describeAccess, describeHosts, describePace } from './format-access.ts'
import { escapeEnvironment } from './environment.ts'
import { formatListen } from './listen.ts'
import { formatDuration } from '../model/duration.ts'
import { formatSize } from './size.ts'
import { maskFallback } from './fallback.ts'
import { maskUrl } from './urls.ts'
import { writtenVariables } from './variables.ts'

/** The effective configuration, the reasons for pins included, as YAML that loads again, save for secrets, which are masked. */
export function formatConfig(config: Config): string {
  const mirrors = [...config.mirrors.values()].map((mirror) => [mirror.name, describeMirror(mirror)] as const)
  const effective = {
    listen: formatListen(config.listen),
    ...(config.publicUrl === undefined ? {} : { public_url: formatUrl(config.publicUrl) }),
    ...(config.trustedProxies === undefined ? {} : { trusted_proxies: config.trustedProxies.texts }),
    data_dir: escapeEnvironment(config.dataDir),
    ...(config.workers === undefined ? {} : { workers: config.workers }),
    sync_interval: formatSyncInterval(config.syncIntervalMs),
    ...(config.tokens === undefined ? {} : { tokens: describeTokens(config.tokens) }),
    policy: config.policy,
    warm_window: formatDuration(config.warmWindowMs),
    prefetch: {
      parallel: config.prefetch.parallel,
      throttle: config.prefetch.throttle === undefined ? 0 : formatSize(config.prefetch.throttle),
    },
    retention: {
      keep: config.retention.keep,
      max_age: formatDuration(config.retention.maxAgeMs),
      keep_used: formatDuration(config.retention.keepUsedMs),
      grace: config.retention.graceGenerations,
      removed: formatDuration(config.retention.removedMs),
    },
    cache: {
      max_size: formatSize(config.cache.maxBytes),
      memory: formatSize(config.cache.memoryBytes),
    },
    ...(config.fastPath === undefined ? {} : { fast_path: config.fastPath }),
    ...(config.hosts === undefined ? {} : { hosts: describeHosts(config.hosts) }),
    ...(config.dashboard === undefined ? {} : { dashboard: config.dashboard }),
    ...(config.metrics === undefined ? {} : { metrics: { per_mirror: config.metrics.perMirror } }),
    // That there is none is said only where the file says it: see Config.
    mirrors: mirrors.length === 0 && config.saysNoMirrors !== true ? null : new Map(mirrors),
  }
  const document = new Document(effective)
  for (const { name, pinWhy } of config.mirrors.values()) {
    const pin = document.getIn(['mirrors', name, 'pin'], true)
    if (isScalar(pin) && pinWhy !== undefined) pin.comment = ` ${pinWhy}`
  }
  // Never folded: a line of `check-config` is a line to search for.
  return document.toString({ singleQuote: true, lineWidth: 0 })
}

/** Names and paths; a token itself is never known here. */
function describeTokens(tokens: ReadonlyMap<string, TokenConfig>): Map<string, unknown> {
  return new Map([...tokens].map(([name, { file }]) => [name, { file: escapeEnvironment(file) }]))
}

function describeMirror(mirror: MirrorConfig): Record<string, unknown> {
  return {
    ...describeSources(mirror),
    ...(mirror.fallbacks.length === 0 ? {} : { fallback: mirror.fallbacks.map(formatFallback) }),
    ...(mirror.xmlBases === undefined ? {} : { xml_base: mirror.xmlBases.map(formatUrl) }),
    ...(mirror.extraFiles === undefined ? {} : { extra_files: mirror.extraFiles.map(escapeEnvironment) }),
    policy: mirror.policy,
    warm_window: formatDuration(mirror.warmWindowMs),
    enabled: mirror.enabled,
    sync_interval: formatSyncInterval(mirror.syncIntervalMs),
    timeout: formatDuration(mirror.timeoutMs),
    retries: mirror.retries,
    ...describePace(mirror.pace),
    proxy: mirror.proxy === undefined ? '_none_' : formatUrl(mirror.proxy),
    ...describeAccess(mirror.access),
    strict: mirror.strict,
    allow_older: mirror.allowOlder,
    repo_gpgcheck: mirror.repoGpgcheck,
    ...(mirror.pin === undefined ? {} : { pin: mirror.pin }),
    ...(mirror.gpgKeys === undefined ? {} : { gpgkey: mirror.gpgKeys.map(formatKey) }),
    ...(mirror.gpgcheck === undefined ? {} : { gpgcheck: mirror.gpgcheck }),
  }
}

/** Where a mirror comes from; variables in URLs are replaced already. */
function describeSources(mirror: MirrorConfig): Record<string, unknown> {
  const { baseurls, list, failovermethod, variables = new Map(), arches } = mirror
  const [baseurl, ...others] = baseurls.map(formatUrl)
  const vars = Object.entries(writtenVariables(variables)).map(([name, text]) => [
    name,
    escapeEnvironment(text),
  ])
  return {
    ...(baseurl === undefined ? {} : { baseurl: others.length === 0 ? baseurl : [baseurl, ...others] }),
    ...(list === undefined ? {} : { [list.kind]: formatUrl(list.url) }),
    ...(list?.kind === 'mirrorlist' ? { mirrorlist_expire: formatDuration(list.expireMs) } : {}),
    ...(failovermethod === undefined ? {} : { failovermethod }),
    ...(vars.length === 0 ? {} : { vars: Object.fromEntries(vars) as Record<string, string> }),
    ...(arches === undefined ? {} : { arches: arches.map(({ arch }) => arch) }),
  }
}

function formatKey(key: GpgKey): string {
  return 'url' in key ? formatUrl(key.url) : escapeEnvironment(pathToFileURL(key.file).href)
}

function formatUrl(url: string): string {
  return escapeEnvironment(maskUrl(url))
}

function formatFallback(fallback: string): string {
  return escapeEnvironment(maskFallback(fallback))
}

function formatSyncInterval(interval: SyncInterval): string {
  return interval === 'off' ? interval : formatDuration(interval)
}
