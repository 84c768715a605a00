import type { RetentionRules } from '../model/retention.ts'
import type { Policy } from '../model/prefetch.ts'
import type { DiffDocument } from '../snapshot/diff/diff-runner.ts'
import type { RingKeys } from '../snapshot/keys/key-ring.ts'
import type { SnapshotPair } from '../snapshot/diff/snapshot-diff.ts'
import type { ListState } from '../snapshot/listing/mirror-list.ts'
import type { SoleSource } from '../snapshot/sole/sole-runner.ts'
import type { SnapshotHistory, SnapshotReader } from '../snapshot/store.ts'
import type { SyncProgress } from '../snapshot/sync.ts'
import type { HoldingsStore, PrefetchView } from './api-holdings.ts'
import type { FarmReader } from '../snapshot/farm/farm.ts'
import type { TrafficReport } from '../system/traffic.ts'
import type { UsageReader } from '../snapshot/usage/usage.ts'
import type { ViewStore } from '../snapshot/views/views.ts'
import type { SourceReport } from '../upstream/upstream.ts'
import type { PathSources } from './path-sources.ts'
import type { TextReply } from './reply.ts'

/** Why what the configuration file says now is not what runs; undefined when it does, or when no server runs. */
export interface ConfigurationState {
  readonly error: string | undefined
  /** Absolute path of the file; only the socket's user is told. */
  readonly file?: string
  /** The address that connections are accepted on, as host:port, whatever the file says; null for a Unix socket. Only the socket's user is told. */
  readonly listens?: string | null
  /** Where in it something is wrong, and what was expected there; nothing of what the file says, which may be secret. */
  readonly problems?: readonly ConfigurationProblem[]
}

/** A place of the configuration file. */
export interface ConfigurationProblem {
  /** 1-based; undefined when the file as a whole is the trouble. */
  readonly line: number | undefined
  readonly key: string
  readonly expected: string
}

/** The cache as the API shows it; what only a collection knows is null before the first one. */
export interface CacheView {
  readonly blobs: number
  readonly bytes: number
  readonly max_bytes: number
  /** Whether packages are passed through because nothing more may be stored. */
  readonly full: boolean
  /** Whether the file system of data_dir has so few free inodes that packages go from the cache. */
  readonly few_inodes: boolean
  /** Whether a collection runs: what it has decided on is being deleted. */
  readonly collecting: boolean
  /** Bytes of packages that a snapshot lists and upstream no longer has: never evicted. */
  readonly only_here_bytes: number | null
  /** Bytes of packages that can be fetched again. */
  readonly fetchable_bytes: number | null
  readonly repodata_bytes: number | null
}

/** The processes that serve, the first one included. */
export interface WorkersView {
  /** Those that serve now, and those that there should be. */
  readonly serving: number
  readonly wanted: number
  /** How many have died and were replaced, since the server's start. */
  readonly restarts: number
}

/** How a mirror's packages are fetched ahead. */
export interface MirrorPrefetch {
  readonly policy: Policy
  readonly state: PrefetchView | null
}

/** When a mirror is to be looked at next, in milliseconds since the epoch, and how far the sync is that runs; undefined where none is to, or does. */
export interface MirrorSync {
  readonly nextAt: number | undefined
  readonly progress: SyncProgress | undefined
}

/** Who uses what. */
export interface UsageSource {
  readonly reader: UsageReader
  /** Brings what is only in memory to where it is read from. */
  readonly flush: () => Promise<void>
}

/** What the API is answered from. */
export interface ApiContext {
  readonly snapshots: SnapshotReader &
    HoldingsStore & {
      readonly history: SnapshotHistory
      readonly views: ViewStore
      readonly farm: FarmReader
    }
  /** A mirror's policy and last run of fetching ahead; undefined where no server runs, or the mirror is not configured. */
  readonly prefetch: (mirror: string) => MirrorPrefetch | undefined
  readonly configuration: ConfigurationState
  readonly cache: () => CacheView
  /** The keys that a mirror is configured with, as far as they are here. */
  readonly gpgKeys: (mirror: string) => Promise<RingKeys>
  readonly usage: UsageSource
  /** Addresses of clients as whoever asks may see them. */
  readonly showClient: (address: string) => string
  /** How the sources of a mirror are; none of one that is not configured, or where no server runs. */
  readonly sourcesOf: (mirror: string) => readonly SourceReport[]
  readonly paths: PathSources
  /** How a mirror's metalink or mirrorlist is; undefined where it has none, or no server runs. */
  readonly listOf: (mirror: string) => ListState | undefined
  /** What is wrong with the certificates and secrets that a mirror is asked with; undefined when nothing is. */
  readonly identityProblemOf: (mirror: string) => string | undefined
  /** How often a mirror is looked at, in milliseconds; undefined where that is not known. */
  readonly intervalOf: (mirror: string) => number | 'off' | undefined
  readonly syncOf: (mirror: string) => MirrorSync
  /** How long snapshots are kept. */
  readonly retention: () => RetentionRules
  /** What would be freed without each view, or mirror. */
  readonly soleBytes: SoleSource
  /** None serves where no server runs. */
  readonly workers: () => WorkersView
  /** What requests have come to. */
  readonly traffic: () => TrafficReport
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Compares two snapshots that are there. */
  readonly diff: (pair: SnapshotPair) => Promise<DiffDocument>
}

/** A GET of the API: what follows the resource's name, and the query. */
export interface ApiRequest {
  readonly rest: readonly string[]
  readonly query: URLSearchParams
}

/** Answers a GET of one resource; undefined for a path that leads nowhere. Throws PinyonError. */
export type ApiResource = (context: ApiContext, request: ApiRequest) => Promise<TextReply | undefined>
