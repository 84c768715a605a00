/**
 * What `proxy=` becomes in injected sections. `auto` goes by the id's suffix: `-fc29` and later `None`, earlier ones and every `-el…`
 * `_none_`, others `None`; `keep` leaves it.
 */
export type ProxyRule = 'auto' | 'keep' | '_none_' | 'None'

/** `yum`: .repo, yum.conf, dnf.conf; `repos`: a list of URLs; `mock`: a mock configuration or template. */
export type ConfigFormat = 'yum' | 'repos' | 'mock'

/** How a configuration is injected. */
export interface InjectOptions {
  /** `auto` by default. */
  readonly proxy?: ProxyRule
  /** Sections whose baseurl already names a dated snapshot (`…/repos/yum/<mirror>/YYYY-MM-DD-HH-MM`) are left alone. */
  readonly keepPinned?: boolean
  /** Sections that found no mirror get `enabled=0`; those that are disabled already stay byte for byte. */
  readonly onlyMirrored?: boolean
  /** Ids may hold yum variables; these are put in for matching only. */
  readonly variables?: ReadonlyMap<string, string>
  /** `.repos` lists only: the shape of the result; `repo` by default. */
  readonly reposOutput?: 'repo' | 'repofrompath'
}

/** A section that got a mirror's URL. */
export interface InjectedSection {
  /** With variables put in, as the package manager knows it. */
  readonly id: string
  readonly url: string
  /** The first baseurl before. */
  readonly previous?: string
  /** Of the section's first header, 1-based; of an inserted section that of the one it was put before. */
  readonly line: number
}

/** What an injection gives. */
export interface Injection {
  /** Identical to the input when nothing matched. */
  readonly bytes: Buffer
  readonly changed: boolean
  /** Each id once. */
  readonly injected: readonly InjectedSection[]
  /** Enabled sections (not `[main]`) that found no mirror, each id once. */
  readonly unmatched: readonly { readonly id: string; readonly line: number }[]
  /** For people, by line: what was done may not be enough, or not what was meant. */
  readonly warnings: readonly { readonly line: number; readonly text: string }[]
}
