import { OUTCOMES } from '../model/outcome.ts'
import { REASONS } from '../model/reason.ts'

/** One metric: all that is known of it beside its values. */
export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** The values that each label can have; `mirror` for the configured mirrors, `text` for what is the same in every scrape. */
  readonly labels: Readonly<Record<string, readonly string[] | 'mirror' | 'text'>>
  /** Of a histogram: the upper ends of its buckets, without the last one, which takes everything. */
  readonly buckets?: readonly number[]
  /** What stands for all mirrors where they are not told apart; the sum unless told. */
  readonly ofAll?: 'least' | 'most'
}

/** What requests are about. */
export const KINDS = [
  'index',
  'latest',
  'repodata',
  'package',
  'extra',
  'view',
  'inject',
  'api',
  'ui',
] as const
/** The same for how long they take, where the rest is of no interest. */
export const TIMED_KINDS = ['index', 'repodata', 'package', 'other'] as const
/** Classes of HTTP statuses. */
export const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const
/** Where the bytes of an answer came from. */
export const SOURCES = ['cache', 'upstream'] as const
/** Requests that are about no configured mirror are of this one. */
export const NO_MIRROR = '_none'
/** What writes of the API are for. */
export const WRITE_OPS = ['sync', 'pin', 'remove', 'fetch', 'maintain'] as const

const FIRST_BYTE_SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 20, 30] as const
const FILL_SECONDS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000] as const
const SYNC_SECONDS = [0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_000] as const
const DATABASE_SECONDS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10] as const
const LAG_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2] as const

const MIRROR = { mirror: 'mirror' } as const
const NONE = {} as const

function counter<const Labels extends Metric['labels']>(help: string, labels: Labels) {
  return { type: 'counter', help, labels } as const
}

function gauge<const Labels extends Metric['labels']>(
  help: string,
  labels: Labels,
  more: Pick<Metric, 'ofAll'> = {},
) {
  return { type: 'gauge', help, labels, ...more } as const
}

function histogram<const Labels extends Metric['labels']>(
  help: string,
  labels: Labels,
  buckets: readonly number[],
) {
  return { type: 'histogram', help, labels, buckets } as const
}

/**
 * Every metric, by its name, which gets `pinyon_` before it unless it is of the process as any other program tells it. Labels come from closed
 * lists or from the configuration: how many series there are does not depend on clients, packages or snapshots.
 */
export const METRICS = {
  requests_total: counter('Requests that have ended, by what they were about and how they were answered', {
    kind: KINDS,
    outcome: OUTCOMES,
  }),
  responses_total: counter(
    'Requests that have ended, by the class of the status that they were answered with',
    {
      status: STATUS_CLASSES,
    },
  ),
  response_bytes_total: counter('Bytes of bodies sent to clients, by where they came from', {
    kind: KINDS,
    source: SOURCES,
  }),
  first_byte_seconds: histogram(
    'Time until the first byte of an answer could be sent; the rest is up to the client',
    { kind: TIMED_KINDS, source: SOURCES },
    FIRST_BYTE_SECONDS,
  ),
  requests_in_flight: gauge('Requests that are being answered', NONE),
  errors_total: counter('Requests answered with 5xx, by reason', { reason: REASONS }),
  hits_not_logged_total: counter('Requests answered from the cache that the log only tells the sum of', NONE),
  mirror_requests_total: counter(
    'Requests of a mirror: answered here, answered by asking upstream, or failed; _none is of no configured one',
    { ...MIRROR, class: ['cache', 'upstream', 'failed'] },
  ),
  fills_total: counter('Downloads of one file each into the cache that have ended', {
    ...MIRROR,
    result: ['ok', 'failed'],
  }),
  fill_errors_total: counter('Downloads into the cache that failed, by reason', { reason: REASONS }),
  fill_resumes_total: counter('Times that a download was taken up again from where it had stopped', NONE),
  fill_bytes_total: counter('Bytes of bodies received from upstream, repodata included', MIRROR),
  fill_first_byte_seconds: histogram(
    'Time until the first byte of a download came',
    NONE,
    FIRST_BYTE_SECONDS,
  ),
  fill_seconds: histogram('Time until a download was stored', NONE, FILL_SECONDS),
  fills_in_flight: gauge('Downloads that run', NONE),
  fill_followers: gauge('Clients that wait for a download which another request began', NONE),
  upstream_requests_total: counter('Requests of a mirror to its sources; unchanged is 304', {
    ...MIRROR,
    result: ['ok', 'unchanged', 'failed'],
  }),
  upstream_errors_total: counter('Requests to sources that failed, or broke off, by reason', {
    reason: REASONS,
  }),
  upstream_up: gauge('Whether any source of a mirror is not known to be down', {
    ...MIRROR,
    role: ['primary', 'fallback'],
  }),
  sync_total: counter('Looks upstream that have ended', {
    ...MIRROR,
    result: ['unchanged', 'new', 'failed'],
  }),
  sync_seconds: histogram(
    'Time that a look upstream took',
    { result: ['unchanged', 'new', 'failed'] },
    SYNC_SECONDS,
  ),
  sync_running: gauge('Whether a mirror is being looked at upstream', MIRROR),
  sync_consecutive_failures: gauge('Looks upstream that failed since the last one that did not', MIRROR, {
    ofAll: 'most',
  }),
  sync_last_success_timestamp_seconds: gauge('When the last look upstream ended well', MIRROR, {
    ofAll: 'least',
  }),
  sync_last_attempt_timestamp_seconds: gauge('When the last look upstream ended', MIRROR, { ofAll: 'least' }),
  sync_interval_seconds: gauge('Time between looks upstream; 0 is only on command', MIRROR, {
    ofAll: 'most',
  }),
  sync_restarts_total: counter('Captures that began anew because upstream published meanwhile', NONE),
  snapshots: gauge('Snapshots that can be served', MIRROR),
  snapshot_current_timestamp_seconds: gauge('When the snapshot was made that jobs get', MIRROR, {
    ofAll: 'least',
  }),
  snapshot_newest_timestamp_seconds: gauge('When the newest snapshot was made', MIRROR, { ofAll: 'least' }),
  pinned_since_timestamp_seconds: gauge(
    'When a mirror was pinned to the snapshot that it is pinned to; absent for one that is not pinned',
    MIRROR,
    { ofAll: 'least' },
  ),
  packages: gauge('Packages of the current snapshot, as counted last', {
    ...MIRROR,
    state: ['cached', 'on_demand'],
  }),
  at_risk_packages: gauge('Packages that snapshots list, upstream has dropped, and are not cached', MIRROR),
  at_risk_bytes: gauge('Bytes of packages at risk', MIRROR),
  lost_packages: gauge('Packages that snapshots list and no source has', MIRROR),
  replaced_in_place_total: counter('Packages that got other bytes under their old name and version', MIRROR),
  generation: gauge('The number of the present generation of the index', NONE),
  generation_changes_total: counter('Generations that began since figures were asked for first, by why', {
    reason: ['sync', 'pin', 'unpin', 'rollback', 'remove', 'configuration', 'adopt'],
  }),
  cache_bytes: gauge('Bytes of blobs stored; those of repodata as counted by the last collection', {
    kind: ['package', 'repodata'],
  }),
  cache_max_bytes: gauge('The most bytes of blobs that may be stored', NONE),
  cache_protected_bytes: gauge('Bytes that are only here, and thus never evicted', NONE),
  cache_reserved_bytes: gauge('Bytes set aside for blobs being written', NONE),
  cache_blobs: gauge('Blobs stored', NONE),
  memory_cache_bytes: gauge('Bytes of blobs kept in memory', NONE),
  evictions_total: counter('Blobs removed, to make room or because nothing lists them', {
    reason: ['size', 'unreferenced'],
  }),
  evicted_bytes_total: counter('Bytes of blobs removed', { reason: ['size', 'unreferenced'] }),
  bypass_total: counter('Packages passed through because they could not be kept', NONE),
  disk_free_bytes: gauge('Bytes free on the disk of data_dir', NONE),
  disk_free_inodes: gauge('Inodes free on the disk of data_dir, where it has a number of them', NONE),
  disk_errors_total: counter('Calls of the system about files of the cache that failed', {
    op: ['read', 'write', 'fsync', 'rename'],
  }),
  corrupt_blobs_total: counter('Stored files that were found not to be what they have to be', NONE),
  db_bytes: gauge('Bytes of the database and its log on disk', NONE),
  db_busy_total: counter('Times that a write to the database waited, as another one was under way', NONE),
  db_seconds: histogram(
    'Time that a transaction took the thread that serves',
    { op: ['write'] },
    DATABASE_SECONDS,
  ),
  gc_last_success_timestamp_seconds: gauge('When what is not needed was collected last', NONE),
  workers: gauge('Processes that serve', NONE),
  worker_restarts_total: counter('Processes that ended and were replaced', NONE),
  event_loop_lag_seconds: histogram(
    'How much later than planned a turn of a thread began',
    NONE,
    LAG_SECONDS,
  ),
  views: gauge('Live views', NONE),
  views_max: gauge('The most views there can be at a time', NONE),
  views_refused_total: counter('Views that were refused because there were too many', NONE),
  hosts_24h: gauge(
    'Clients that used a snapshot within 24 hours, as counted within the last quarter hour',
    NONE,
  ),
  config_ok: gauge('Whether the configuration on disk is the running one', NONE),
  config_reloads_total: counter('Attempts to take up the configuration', { result: ['accepted', 'refused'] }),
  config_last_reload_timestamp_seconds: gauge('When the running configuration was taken up', NONE),
  write_requests_total: counter('Writes of the API', { op: WRITE_OPS, result: ['ok', 'denied', 'failed'] }),
  build_info: gauge('Always 1', { version: 'text', node: 'text' }),
  process_cpu_seconds_total: counter('Processor time of all processes, in user and system mode', NONE),
  process_resident_memory_bytes: gauge('Memory of all processes that is in RAM', NONE),
  process_start_time_seconds: gauge('When the server was started', NONE),
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS
export type CounterName = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends 'counter' ? Name : never
}[MetricName]
export type HistogramName = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends 'histogram' ? Name : never
}[MetricName]
export type GaugeName = Exclude<MetricName, CounterName | HistogramName>

/** All of them, in the order in which they are told. */
export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[]

/** What is known of one. */
export function metricOf(name: MetricName): Metric {
  return METRICS[name]
}

/** A metric's name as Prometheus sees it. */
export function fullName(name: MetricName): string {
  return name.startsWith('process_') ? name : `pinyon_${name}`
}

/** Whether a metric is told of each mirror. */
export function isPerMirror(name: MetricName): boolean {
  return 'mirror' in METRICS[name].labels
}
