import type { Identity } from '../model/identity.ts'
import type { TrustedProxies } from '../model/trusted-proxies.ts'
import type { Policy } from '../model/prefetch.ts'
import type { AccessConfig, HostConfig, PaceConfig } from './access.ts'
import type { ShownClients } from './schema-dashboard.ts'

/** The effective configuration: every default filled in, every value checked, nothing left to interpret. */
export interface Config {
  /** Absolute path of the file it was read from. */
  readonly file: string
  readonly listen: ListenAddress
  /** `http(s)://host[:port][/path]` without a trailing slash; absent: URLs are made from each request's Host. */
  readonly publicUrl?: string
  /** Who is believed when he says whom he asks for; absent: nobody. */
  readonly trustedProxies?: TrustedProxies
  /** Absolute path. */
  readonly dataDir: string
  /** How many processes serve, this one included: as many as there are cores and requests for, or so many; absent: this one. */
  readonly workers?: WorkerCount
  readonly syncIntervalMs: SyncInterval
  /** Who may write over TCP, by name; absent: nobody. */
  readonly tokens?: ReadonlyMap<string, TokenConfig>
  /** What is fetched at a snapshot's birth, for mirrors that do not say. */
  readonly policy: Policy
  readonly warmWindowMs: number
  readonly prefetch: PrefetchConfig
  readonly retention: RetentionConfig
  readonly cache: CacheConfig
  /** False: every request goes through node:http, warm files too; absent: they do not. */
  readonly fastPath?: false
  /** By `host` or `host:port` as in URLs; absent: no host has settings of its own. */
  readonly hosts?: ReadonlyMap<string, HostConfig>
  /** What the network is told of clients; their networks when absent. */
  readonly dashboard?: { readonly clients: ShownClients }
  /** False: figures tell the sums of all mirrors; absent: each mirror's. */
  readonly metrics?: { readonly perMirror: false }
  /** By name, disabled ones included. */
  readonly mirrors: ReadonlyMap<string, MirrorConfig>
  /** Set where it says `mirrors: {}`: that there is none is meant, and not what is left of a file that was cut off. */
  readonly saysNoMirrors?: true
}

/** How fast packages are fetched that nobody waits for. */
export interface PrefetchConfig {
  /** At a time, over all mirrors. */
  readonly parallel: number
  /** Bytes a second, over all mirrors; absent: no bound. */
  readonly throttle?: number
}

/** How long snapshots are kept. */
export interface RetentionConfig {
  /** The newest so many of a mirror stay, unless they are older than {@link maxAgeMs}. */
  readonly keep: number
  readonly maxAgeMs: number
  /** A snapshot that a client used within this time stays. */
  readonly keepUsedMs: number
  /** What one of the last so many generations before the present one named stays. */
  readonly graceGenerations: number
  /** How long a mirror that went out of the configuration answers direct URLs. */
  readonly removedMs: number
}

/** How much is kept of what can be fetched again. */
export interface CacheConfig {
  /** Of all blobs on disk. */
  readonly maxBytes: number
  /** Of small blobs, and larger ones that are asked for often, in memory. */
  readonly memoryBytes: number
}

/** A token of the write API: never the token itself. */
export interface TokenConfig {
  /** Absolute path of the file it was read from. */
  readonly file: string
  /** Its SHA-256, 32 bytes. */
  readonly sha256: Uint8Array
}

/** One upstream repository. */
export interface MirrorConfig {
  readonly name: string
  /**
   * Of a mirror of several architectures: what is of each, by name; absent: it is of one repository. The mirror's own URLs then have `$basearch`
   * and `$arch` as they are written, and its keys are those of all. See {@link ./arches.ts}.
   */
  readonly arches?: readonly ArchConfig[]
  /** At least one where there is no list; absolute `http:`, `https:` or `file:` URLs, each ending in `/`, possibly with credentials. */
  readonly baseurls: readonly string[]
  /** Where further sources are named; absent: nowhere. */
  readonly list?: MirrorListConfig
  /** In which order the baseurls are asked; absent: their own. */
  readonly failovermethod?: 'priority' | 'roundrobin'
  /** What yum's variables stand for in what a list names; in all URLs here they are replaced already. */
  readonly variables?: ReadonlyMap<string, string>
  /** Asked for what those no longer have, in this order: URLs as there, or templates of {@link ../model/url-template.ts}. */
  readonly fallbacks: readonly string[]
  /** URLs, each ending in a slash, below which packages are fetched that their repository says to be there (`xml:base`). */
  readonly xmlBases?: readonly string[]
  /**
   * Paths below the base URL of files that are pinned with each snapshot though repomd.xml does not name them, and patterns of them; the usual
   * ones of {@link ../model/extra-files.ts} without.
   */
  readonly extraFiles?: readonly string[]
  readonly policy: Policy
  /** How long a package name counts as used after it was asked for. */
  readonly warmWindowMs: number
  readonly enabled: boolean
  readonly syncIntervalMs: SyncInterval
  /** The longest wait for an answer, and for further bytes of one. */
  readonly timeoutMs: number
  /** Further tries after the first; 0 is none. */
  readonly retries: number
  /** `http(s)://[user:password@]host[:port]/`, or `socks5(h)://` alike; absent: none. */
  readonly proxy?: string
  /** Absent: nothing is shown, and servers are checked with Node's authorities. */
  readonly access?: AccessConfig
  /** What stood in the files of {@link access} when the configuration was read; those of before where they were left alone. */
  readonly identity?: Identity
  /** Absent: no bounds but the general ones. */
  readonly pace?: PaceConfig
  /** Refuse upstream's own mistakes instead of publishing them flagged. */
  readonly strict: boolean
  /** Publish what is older than the last snapshot. */
  readonly allowOlder: boolean
  /** The name of the snapshot that clients get whatever syncs bring; absent: the newest. It need not exist. */
  readonly pin?: string
  /** The line of the pin's value in the file, 1-based; present when `pin` is. */
  readonly pinLine?: number
  /** The comment beside the pin, else the one directly above it, on one line without `#`. */
  readonly pinWhy?: string
  /** What clients check packages with, in the order of the file; absent: no keys. */
  readonly gpgKeys?: readonly GpgKey[]
  /** Whether repomd.xml must be signed by one of them; never true without keys, none of which then has variables in its URL. */
  readonly repoGpgcheck: boolean
  /** Whether packages are checked before they are given out, where there are keys, and whether clients are to check packages' signatures; absent: they are where there are keys, and else nothing is said. */
  readonly gpgcheck?: boolean
}

/** One architecture of a mirror that has several, where it differs from the others. */
export interface ArchConfig extends Pick<
  MirrorConfig,
  'baseurls' | 'list' | 'variables' | 'fallbacks' | 'gpgKeys'
> {
  /** Such as `x86_64`: what `$basearch` stands for. */
  readonly arch: string
}

/** Where a list of mirrors is had. */
export interface MirrorListConfig {
  readonly kind: 'metalink' | 'mirrorlist'
  /** `http:`, `https:` or `file:`, possibly with credentials. */
  readonly url: string
  /** How long a mirrorlist is used before it is asked for again; a metalink is with every sync. */
  readonly expireMs: number
}

/** OpenPGP public keys: a URL that clients fetch them from, or what a file held when the configuration was read, for them to get from us. */
export type GpgKey =
  | { readonly url: string }
  | {
      /** Absolute path. */
      readonly file: string
      /** One armored block or several. */
      readonly armored: Buffer
    }

/** Where to accept connections. */
export interface ListenAddress {
  /** A name or an address, IPv6 without brackets; empty means every address of the machine, as `server.listen` takes it. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

/** Processes that serve; `auto` is for the server to decide. */
export type WorkerCount = number | 'auto'

/** Milliseconds between two syncs of a mirror; `off` is only on command, not even at start. */
export type SyncInterval = number | 'off'
