import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as z from 'zod'
import { isFilePattern, parseFilePattern } from '../model/file-pattern.ts'
import { normalizeHref } from '../model/href.ts'
import { parseSnapshotName } from '../model/snapshot-name.ts'
import type { ListenAddress, SyncInterval, WorkerCount } from './config.ts'
import { isAddressRange } from '../model/trusted-proxies.ts'
import { parseListen } from './listen.ts'
import { parseDuration } from '../model/duration.ts'
import { parseFallback } from './fallback.ts'
import { ACCESS_DEFAULTS, accessShape, paceShape } from './schema-access.ts'
import { DASHBOARD_DEFAULTS, dashboardSchema } from './schema-dashboard.ts'
import { METRICS_DEFAULTS, metricsSchema } from './schema-metrics.ts'
import { PREFETCH_DEFAULTS, parsePolicy, parseWindow, prefetchSchema } from './schema-prefetch.ts'
import { SOURCES_DEFAULTS, sourcesShape, varsSchema } from './schema-sources.ts'
import { CACHE_DEFAULTS, RETENTION_DEFAULTS, cacheSchema, retentionSchema } from './schema-storage.ts'
import { parseBoolean, parseCount, parsePath, parseText, value } from './schema-value.ts'
import { TOKEN_NAME } from './tokens.ts'
import { parseBaseurl, parseKeyUrl, parseProxy, parsePublicUrl, parseXmlBase, type Parsed } from './urls.ts'

/** What stands for a key that is absent, as one would write it. A mirror's `sync_interval` is the global one. */
export const DEFAULTS = {
  listen: '127.0.0.1:8080',
  trusted_proxies: [],
  data_dir: './data',
  workers: 'auto',
  sync_interval: '8h',
  tokens: {},
  hosts: {},
  policy: 'warm',
  warm_window: '30d',
  prefetch: PREFETCH_DEFAULTS,
  retention: RETENTION_DEFAULTS,
  cache: CACHE_DEFAULTS,
  fast_path: true,
  dashboard: DASHBOARD_DEFAULTS,
  metrics: METRICS_DEFAULTS,
  enabled: true,
  timeout: '30s',
  retries: 10,
  proxy: '_none_',
  ...ACCESS_DEFAULTS,
  strict: false,
  allow_older: false,
  repo_gpgcheck: false,
  ...SOURCES_DEFAULTS,
  vars: {},
} as const

const SYNC_INTERVAL_MIN_MS = 1000
/** 24 days: a timer of Node holds no more than 2^31-1 ms, and fires at once when given more. */
const SYNC_INTERVAL_MAX_MS = 24 * 86_400_000
const TIMEOUT_MIN_MS = 1000
const TIMEOUT_MAX_MS = 3_600_000
const RETRIES_MAX = 100
const WORKERS_MAX = 64

/** A host of URLs, with its port where that is not the scheme's own. */
export const HOST_NAME = /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]+\])(?::\d{1,5})?$/

const LISTEN = 'host:port such as 127.0.0.1:8080, [::1]:8080 or :8080'
const TRUSTED_PROXIES_MAX = 64
const TRUSTED_PROXY = 'an address or a network such as 10.1.2.3, 10.0.0.0/8 or 2001:db8::/32'
const TRUSTED_PROXIES = `at most ${TRUSTED_PROXIES_MAX} addresses and networks`
const DATA_DIR = 'the path of a directory'
const SYNC_INTERVAL = 'a duration such as 8h or 30m, or off'
const TIMEOUT = 'a duration such as 30s or 5m'
const PIN = "a snapshot's name such as 2016-12-13-13-30"
const TOKEN_FILE = 'the path of a file that holds a token'
const BASEURL = 'an http, https or file URL'
const EXTRA_FILES_MAX = 64
const EXTRA_FILE =
  'the path of a file below baseurl and not in repodata/, whose last segment may have * and ?'
const EXTRA_FILES = `at most ${EXTRA_FILES_MAX} paths of files below baseurl`
const XML_BASE = 'an http or https URL'
const KEY_URL = 'an http, https or file URL of a key'
const URLS = 'a URL or a list of URLs'

/** What a configuration file says, checked, in its own spelling; see {@link configSchema}. */
export type FileConfig = z.infer<ReturnType<typeof configSchema>>
/** One entry of its `hosts`. */
export type FileHost = z.infer<ReturnType<typeof hostSchema>>
/** One entry of its `mirrors`. */
export type FileMirror = z.infer<ReturnType<typeof mirrorSchema>>

/**
 * The keys of a configuration file, their checks and defaults. The message of an issue is what was expected.
 *
 * @param file absolute path of the file, to which relative paths and `file:` URLs are relative
 */
export function configSchema(file: string) {
  return z.strictObject(
    {
      listen: value(parseListenValue).prefault(DEFAULTS.listen),
      public_url: value((input) => parseText(input, 'a URL', parsePublicUrl)).optional(),
      trusted_proxies: trustedProxiesSchema(),
      data_dir: value((input) => parsePath(input, dirname(file), DATA_DIR)).prefault(DEFAULTS.data_dir),
      workers: value(parseWorkers).prefault(DEFAULTS.workers),
      sync_interval: value(parseSyncInterval).prefault(DEFAULTS.sync_interval),
      vars: varsSchema(),
      tokens: z.preprocess(
        (input) => input ?? {},
        z.record(z.string().regex(TOKEN_NAME), tokenSchema(file), { error: 'a mapping of token names' }),
      ),
      policy: value(parsePolicy).prefault(DEFAULTS.policy),
      warm_window: value(parseWindow).prefault(DEFAULTS.warm_window),
      prefetch: prefetchSchema(),
      retention: retentionSchema(),
      cache: cacheSchema(),
      fast_path: value(parseBoolean).prefault(DEFAULTS.fast_path),
      hosts: z.preprocess(
        (input) => input ?? {},
        z.record(z.string().regex(HOST_NAME), hostSchema(), { error: 'a mapping of host names' }),
      ),
      dashboard: dashboardSchema(),
      metrics: metricsSchema(),
      mirrors: z.preprocess(
        // `mirrors:` with every entry commented out
        (input) => input ?? {},
        z.record(z.string(), mirrorSchema(file), { error: 'a mapping of mirror names' }),
      ),
    },
    { error: 'a mapping of keys such as mirrors' },
  )
}

function tokenSchema(file: string) {
  const shape = { file: value((input) => parsePath(input, dirname(file), TOKEN_FILE)) }
  return z.strictObject(shape, { error: 'a mapping with a file' })
}

function hostSchema() {
  const shape = {
    timeout: value(parseTimeout).optional(),
    retries: value(parseRetries).optional(),
    ...paceShape(),
  }
  return z.strictObject(shape, { error: 'a mapping of keys such as throttle' })
}

function mirrorSchema(file: string) {
  const base = pathToFileURL(file)
  return z.strictObject(
    {
      baseurl: urlsSchema(BASEURL, (text) => parseBaseurl(text, base)).optional(),
      ...sourcesShape(file),
      fallback: urlsSchema(BASEURL, (text) => parseFallback(text, base), 0).prefault([]),
      xml_base: urlsSchema(XML_BASE, parseXmlBase, 0).prefault([]),
      extra_files: extraFilesSchema().optional(),
      policy: value(parsePolicy).optional(),
      warm_window: value(parseWindow).optional(),
      enabled: value(parseBoolean).prefault(DEFAULTS.enabled),
      sync_interval: value(parseSyncInterval).optional(),
      timeout: value(parseTimeout).prefault(DEFAULTS.timeout),
      retries: value(parseRetries).prefault(DEFAULTS.retries),
      ...paceShape(),
      proxy: value(parseProxyValue).prefault(DEFAULTS.proxy),
      ...accessShape(file),
      strict: value(parseBoolean).prefault(DEFAULTS.strict),
      allow_older: value(parseBoolean).prefault(DEFAULTS.allow_older),
      pin: value((input) => parseText(input, PIN, parsePin)).optional(),
      gpgkey: urlsSchema(KEY_URL, (text) => parseKeyUrl(text, base)).optional(),
      repo_gpgcheck: value(parseBoolean).prefault(DEFAULTS.repo_gpgcheck),
      gpgcheck: value(parseBoolean).optional(),
    },
    { error: 'a mapping with at least a baseurl, metalink or mirrorlist' },
  )
}

/** The keys of each mapping of a configuration file, in the order of the schema: at the top, of a mirror, and by name of the others. */
export function configKeys() {
  return {
    top: Object.keys(configSchema('/').shape),
    mirror: Object.keys(mirrorSchema('/').shape),
    prefetch: Object.keys(PREFETCH_DEFAULTS),
    retention: Object.keys(RETENTION_DEFAULTS),
    cache: Object.keys(CACHE_DEFAULTS),
    dashboard: Object.keys(DASHBOARD_DEFAULTS),
    metrics: Object.keys(METRICS_DEFAULTS),
    tokens: Object.keys(tokenSchema('/').shape),
    hosts: Object.keys(hostSchema().shape),
  }
}

function urlsSchema<T>(expected: string, parse: (text: string) => Parsed<T>, least = 1) {
  const one = value((input) => parseText(input, expected, parse))
  const list = z.array(one, { error: URLS }).min(least, { error: `${URLS}, at least one` })
  return z.preprocess((input) => (typeof input === 'string' ? [input] : input), list)
}

function extraFilesSchema() {
  const one = value((input) => parseText(input, EXTRA_FILE, parseExtraFile))
  const list = z.array(one, { error: EXTRA_FILES }).max(EXTRA_FILES_MAX, { error: EXTRA_FILES })
  return z.preprocess((input) => (typeof input === 'string' ? [input] : input), list)
}

function trustedProxiesSchema() {
  const one = value((input) =>
    parseText(input, TRUSTED_PROXY, (text) =>
      isAddressRange(text) ? { value: text } : { expected: TRUSTED_PROXY },
    ),
  )
  const list = z.array(one, { error: TRUSTED_PROXIES }).max(TRUSTED_PROXIES_MAX, { error: TRUSTED_PROXIES })
  return z.preprocess((input) => (typeof input === 'string' ? [input] : (input ?? [])), list)
}

/** Nothing of repomd.xml's own, which is pinned as it is. */
function parseExtraFile(text: string): Parsed<string> {
  const isPath = normalizeHref(text) === text && !text.startsWith('repodata/')
  const isUsable = isPath && (!isFilePattern(text) || parseFilePattern(text) !== undefined)
  return isUsable ? { value: text } : { expected: EXTRA_FILE }
}

function parseListenValue(input: unknown): Parsed<ListenAddress> {
  const text = typeof input === 'number' ? String(input) : input
  const address = typeof text === 'string' ? parseListen(text) : undefined
  return address === undefined ? { expected: LISTEN } : { value: address }
}

function parseWorkers(input: unknown): Parsed<WorkerCount> {
  if (input === 'auto') return { value: 'auto' }
  const parsed = parseCount(input, 1, WORKERS_MAX)
  return 'value' in parsed ? parsed : { expected: `auto, or a whole number from 1 to ${WORKERS_MAX}` }
}

function parseSyncInterval(input: unknown): Parsed<SyncInterval> {
  if (input === 'off') return { value: 'off' }
  const intervalMs = typeof input === 'string' ? parseDuration(input) : undefined
  if (intervalMs === undefined) return { expected: SYNC_INTERVAL }
  const allowed = intervalMs >= SYNC_INTERVAL_MIN_MS && intervalMs <= SYNC_INTERVAL_MAX_MS
  return allowed ? { value: intervalMs } : { expected: 'a duration from 1s to 24d, or off' }
}

/** yum counts seconds and gives no unit; so may we. */
function parseTimeout(input: unknown): Parsed<number> {
  const seconds = typeof input === 'number' || (typeof input === 'string' && /^\d+(?:\.\d+)?$/.test(input))
  const timeoutMs = seconds ? Math.round(Number(input) * 1000) : parseDuration(String(input))
  if (timeoutMs === undefined || Number.isNaN(timeoutMs)) return { expected: TIMEOUT }
  const allowed = timeoutMs >= TIMEOUT_MIN_MS && timeoutMs <= TIMEOUT_MAX_MS
  return allowed ? { value: timeoutMs } : { expected: 'a duration from 1s to 1h' }
}

function parseRetries(input: unknown): Parsed<number> {
  const parsed = parseCount(input, 0, RETRIES_MAX)
  return 'value' in parsed ? parsed : { expected: `a whole number from 0 (none) to ${RETRIES_MAX}` }
}

function parseProxyValue(input: unknown): Parsed<string | null> {
  return input === null ? { value: null } : parseText(input, 'the URL of a proxy, or _none_', parseProxy)
}

function parsePin(text: string): Parsed<string> {
  return parseSnapshotName(text) === undefined ? { expected: PIN } : { value: text }
}
