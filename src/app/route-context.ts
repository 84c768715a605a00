import { readClientScript } from './client-script.ts'
import { createPathSources } from './explain-paths.ts'
import type { Fetching } from './fetching.ts'
import type { MirrorLists } from './mirror-lists.ts'
import { findUnready } from './mirrors.ts'
import type { RunningConfig } from './running-config.ts'
import type { Signatures } from './signatures.ts'
import type { Storage } from './storage.ts'
import type { Syncing } from './syncing.ts'
import type { FillTable } from '../cache/fill-table.ts'
import type { ListenAddress } from '../config/config.ts'
import { formatListen } from '../config/listen.ts'
import { BodyMemory } from '../http/request-body.ts'
import type { RouteContext } from '../http/routes.ts'
import type { WorkersView } from '../proxy/api-context.ts'
import type { Content } from '../proxy/content.ts'
import type { InjectRunner } from '../proxy/inject/inject-runner.ts'
import type { Resolver } from '../proxy/resolver.ts'
import type { DiffRunner } from '../snapshot/diff/diff-runner.ts'
import { METRICS_TYPE, type Metrics } from '../system/metrics.ts'
import type { Traffic } from '../system/traffic.ts'
import type { MirrorUpstreams } from '../upstream/arch-sources.ts'

/** Of request bodies that are received or worked on, and of what is made of them until it is sent, in bytes. */
const MAX_BODY_BYTES = 64 << 20

/** The parts of an open App that its answers are made from. */
export interface RouteParts {
  readonly storage: Storage
  readonly resolver: Resolver
  readonly content: Content
  readonly fills: FillTable
  readonly fetching: Fetching
  readonly diffs: DiffRunner
  readonly signatures: Signatures
  readonly lists: MirrorLists
  readonly metrics: Metrics
  readonly injections: InjectRunner
  readonly traffic: Traffic
  readonly running: RunningConfig
  readonly syncing: Pick<Syncing, 'board' | 'nextAt'>
  /** Where the server accepts connections; undefined for a Unix socket. */
  readonly address: () => ListenAddress | undefined
  /** Undefined before there are any. */
  readonly workers: () => WorkersView | undefined
  readonly upstreamOf: (mirror: string) => MirrorUpstreams | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** What requests are answered from, as it is at each request: of the configuration the one that runs then. */
export function createRouteContext(parts: RouteParts): Omit<RouteContext, 'dashboard'> {
  const { storage, resolver, fetching, signatures, lists, metrics, running, syncing, upstreamOf } = parts
  const store = storage.snapshots
  return {
    resolver,
    content: parts.content,
    snapshots: store,
    usage: { reader: store.usage, flush: () => storage.usage.flush() },
    // What the network is told is narrowed in handlers.ts.
    showClient: (address) => address,
    prefetch: (mirror) => fetching.describe(mirror),
    diff: (pair, signal) => parts.diffs.diff(pair, signal),
    gpgKeys: (mirror) => signatures.keysOf(mirror),
    cache: () => storage.describeCache(running.current.cache.maxBytes),
    sourcesOf: (mirror) => upstreamOf(mirror)?.health ?? [],
    paths: createPathSources({
      resolver,
      ledger: store.ledger,
      fills: parts.fills,
      refusalOf: (file) => parts.content.refusal(file),
      fallbacksOf: (mirror) => fetching.fallbacksOf(mirror),
    }),
    listOf: (mirror) => lists.stateOf(mirror),
    identityProblemOf: (mirror) => upstreamOf(mirror)?.identityProblem,
    metrics: async () => ({ contentType: METRICS_TYPE, text: await metrics.text() }),
    inject: { store, runner: parts.injections, memory: new BodyMemory(MAX_BODY_BYTES) },
    clientScript: () => readClientScript(),
    publicUrl: () => running.current.publicUrl,
    intervalOf: (mirror) => running.current.mirrors.get(mirror)?.syncIntervalMs,
    syncOf: (mirror) => ({
      nextAt: syncing.nextAt(mirror),
      progress: syncing.board.running.get(mirror),
    }),
    soleBytes: storage.sole.ask,
    retention: () => running.current.retention,
    traffic: () => parts.traffic.report(),
    workers: () => parts.workers() ?? { serving: 1, wanted: 1, restarts: 0 },
    now: parts.now,
    configuration: () => ({ ...running.state, listens: describeAddress(parts.address()) }),
    unready: () => findUnready(store),
  }
}

function describeAddress(address: ListenAddress | undefined): string | null {
  return address === undefined ? null : formatListen(address)
}
