import type { ApiContext } from '../proxy/api-context.ts'
import type { ClientSettings } from '../proxy/mirror-repo.ts'
import type { DiffView } from '../snapshot/diff/diff-document.ts'
import type { SnapshotPair } from '../snapshot/diff/snapshot-diff.ts'
import type { SyncProgress } from '../snapshot/sync.ts'
import type { TrafficReport } from '../system/traffic.ts'
import type { Html } from './html.ts'

/** What the running configuration says of a mirror, as far as a page tells it. */
export interface MirrorSettings {
  readonly enabled: boolean
  readonly intervalMs: number | 'off'
  /** With their credentials: not to be shown as they are. */
  readonly baseurls: readonly string[]
  readonly fallbacks: readonly string[]
  readonly policy: string
  readonly repoGpgcheck: boolean
  /** Where in the file the pin stands, 1-based. */
  readonly pinLine: number | undefined
}

/** Syncs that run and wait. */
export interface SyncsView {
  readonly running: ReadonlyMap<string, SyncProgress>
  /** Mirrors whose sync waits or runs, in their order. */
  readonly asked: readonly string[]
  /** Those of them whose turn has not come. */
  readonly waiting: readonly string[]
  /** How many have ended. */
  readonly ended: number
  /** When a mirror is to be looked at next, in milliseconds since the epoch. */
  readonly nextAt: (mirror: string) => number | undefined
}

/** What pages are made from. */
export interface DashboardContext extends Pick<
  ApiContext,
  | 'snapshots'
  | 'usage'
  | 'configuration'
  | 'cache'
  | 'gpgKeys'
  | 'sourcesOf'
  | 'showClient'
  | 'prefetch'
  | 'retention'
  | 'soleBytes'
> {
  /** Compares two snapshots that are there; the beginning of each list. */
  readonly diff: (pair: SnapshotPair) => Promise<DiffView>
  readonly traffic: () => TrafficReport
  readonly syncs: SyncsView
  /** Undefined for a mirror that is not configured. */
  readonly settingsOf: (mirror: string) => MirrorSettings | undefined
  readonly clientSettings: (mirror: string) => ClientSettings
  /** Whether anything can be written over the network. */
  readonly hasTokens: () => boolean
  /** The configuration file, as people name it. */
  readonly configName: () => string
  readonly version: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A request for a page. */
export interface PageRequest {
  /** What follows the server's root, decoded. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
  /** What URLs that leave the page begin with: scheme, host and path, without a trailing slash. */
  readonly base: string
  /** The path below which clients see this server, without a trailing slash. */
  readonly prefix: string
  readonly theme: 'light' | 'dark' | undefined
}

/** The places that the navigation names. */
export type Place = 'mirrors' | 'changes' | 'usage' | 'views' | 'setup'

/** A page without what all of them have. */
export interface Page {
  readonly title: string
  readonly place: Place | undefined
  readonly body: Html
  /** The address of the same below `/api/v1`. */
  readonly json?: string
  /** Whether something runs that is worth asking for every two seconds. */
  readonly isBusy?: boolean
  /** Whether jobs get errors, or never will get something. */
  readonly isAlarming?: boolean
  /** Whether it quotes addresses of clients. */
  readonly isPrivate?: boolean
  /** Whether it stays as it is, so that nobody need ask again. */
  readonly isFixed?: boolean
  /** Whether it is the overview, which needs but the first of the style sheets. */
  readonly isOverview?: boolean
}

/** Makes a page. Throws PinyonError NOT_FOUND, PATH_REFUSED and what reading throws. */
export type PageMaker = (context: DashboardContext, request: PageRequest) => Promise<Page>
