import { createHash } from 'node:crypto'

import { perArch } from '../config/arches.ts'
import type { Config, MirrorConfig } from '../config/config.ts'
import { MirrorList, type KnownListing, type ListState } from '../snapshot/listing/mirror-list.ts'
import type { ListingStore } from '../snapshot/listing/listing-store.ts'
import { upstreamsFor, type MirrorUpstreams } from '../upstream/arch-sources.ts'
import { splitCredentials } from '../upstream/credentials.ts'
import type { MirrorUpstream } from '../upstream/mirror-upstream.ts'
import { createUpstream, type SharedUpstream } from './create-upstream.ts'
import { createUpstreams } from './mirrors.ts'

/** A list that cannot be had is no reason to hold up a sync for long: the last good one holds. */
const MAX_RETRIES = 2

/** How often it is looked whether another process has fetched a list, in milliseconds. */
const LOOK_INTERVAL_MS = 30_000

/** What {@link MirrorLists} are built from. */
export interface MirrorListsOptions {
  readonly store: ListingStore
  readonly upstream: SharedUpstream
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

interface Entry {
  readonly list: MirrorList
  /** What asks for the list itself. */
  readonly source: MirrorUpstream
  /** Whose sources it names. */
  readonly mirror: MirrorUpstream
}

/** The metalinks and mirrorlists of all mirrors: from the configuration to the sources of each. */
export class MirrorLists {
  readonly #options: MirrorListsOptions
  #entries: ReadonlyMap<string, Entry> = new Map()
  #timer: NodeJS.Timeout | undefined
  /** Looks of before this moment are known, in milliseconds since the epoch. */
  #seenUntilMs = 0

  constructor(options: MirrorListsOptions) {
    this.#options = options
  }

  /** Takes up a configuration. Mirrors whose sources are the same keep what is known of their list. */
  configure({ mirrors }: Config, upstreams: ReadonlyMap<string, MirrorUpstreams>): void {
    const before = this.#entries
    const all = [...mirrors.values()].flatMap(perArch)
    const entries = all.flatMap(({ arch, ...settings }): [string, Entry][] => {
      const sources = upstreams.get(settings.name)
      const mirror = sources && upstreamsFor(sources, { arch })[0]
      if (settings.list === undefined || mirror === undefined) return []
      const key = keyOf(settings.name, arch)
      const kept = before.get(key)
      return [[key, kept?.mirror === mirror ? kept : this.#create(settings, settings.list, mirror)]]
    })
    this.#entries = new Map(entries)
    const kept = new Set(this.#entries.values())
    // Nobody waits for what was asked of the others.
    for (const entry of before.values()) if (!kept.has(entry)) void entry.source.close()
  }

  /**
   * Takes up what was kept of each list, and forgets those that no mirror names any more. From then on it takes up now and then what another
   * process of the same directory has fetched.
   */
  async load(): Promise<void> {
    const entries = [...this.#entries.values()]
    await this.#options.store.forgetListings(entries.map(({ list }) => list.key))
    for (const { list } of entries) await list.load()
    this.#timer ??= setInterval(() => void this.look().catch(() => undefined), LOOK_INTERVAL_MS).unref()
  }

  /** Takes that up now: costs one look-up where there is nothing new. */
  async look(): Promise<void> {
    const { store, now } = this.#options
    // A clock that was set back must not hide what comes.
    const checked = await store.checkedAfter(Math.min(this.#seenUntilMs, now()))
    this.#seenUntilMs = Math.max(this.#seenUntilMs, ...checked.map(({ checkedAt }) => checkedAt))
    const urls = new Set(checked.map(({ url }) => url))
    for (const { list } of this.#entries.values()) if (urls.has(list.key)) await list.load()
  }

  /** Makes sure that the sources of a mirror are known. Throws PinyonError when its list cannot be had. */
  async ensure(mirror: string, arch?: string): Promise<void> {
    await this.#entries.get(keyOf(mirror, arch))?.list.ensure()
  }

  /** How a sync of a mirror, or of one of its several architectures, gets its list. */
  ofSync(
    mirror: string,
    arch?: string,
  ): { readonly refreshList?: (signal: AbortSignal) => Promise<KnownListing> } {
    const entry = this.#entries.get(keyOf(mirror, arch))
    return entry === undefined ? {} : { refreshList: (signal) => entry.list.refresh(signal) }
  }

  /** How the list of a mirror is: of several architectures, one that cannot be had, if any. Undefined for a mirror that has none. */
  stateOf(mirror: string): ListState | undefined {
    const own = [...this.#entries].filter(([key]) => key.split(' ', 1)[0] === mirror)
    const states = own.map(([, { list }]) => list.state)
    return states.find(({ error }) => error !== undefined) ?? states[0]
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([...this.#entries.values()].map(({ source }) => source.close()))
  }

  #create(
    settings: MirrorConfig,
    { kind, url, expireMs }: NonNullable<MirrorConfig['list']>,
    mirror: MirrorUpstream,
  ): Entry {
    const { variables = new Map<string, string>() } = settings
    const retries = Math.min(settings.retries, MAX_RETRIES)
    const { store, upstream, now } = this.#options
    const source = createUpstream({ ...settings, baseurls: [url], retries }, upstream, { staysSecure: true })
    const list = new MirrorList({
      store,
      now,
      kind,
      variables,
      expireMs,
      upstream: source,
      key: keepAs(url),
      onListed: (baseurls, from) => mirror.list(baseurls, from),
    })
    return { list, source, mirror }
  }
}

/** What a list is kept under: its URL as it can be shown and, where that leaves anything out, what tells it apart. */
function keepAs(url: string): string {
  const open = splitCredentials(url)
  return open.shown === open.url ? open.url : `${open.shown}#${hashText(open.url)}`
}

function hashText(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

/** Names of mirrors have no blanks. */
function keyOf(mirror: string, arch: string | undefined): string {
  return arch === undefined ? mirror : `${mirror} ${arch}`
}

const NO_LISTINGS: ListingStore = {
  checkedAfter: async () => [],
  listing: async () => undefined,
  keepListing: async () => undefined,
  forgetListings: async () => undefined,
}

/** The sources of all mirrors for who needs them once: of what their lists say nothing is kept. */
export function openSources(
  config: Config,
  shared: SharedUpstream,
): { readonly upstreams: ReadonlyMap<string, MirrorUpstreams>; readonly close: () => Promise<void> } {
  const lists = new MirrorLists({ store: NO_LISTINGS, upstream: shared, now: Date.now })
  const upstreams = createUpstreams(config, {
    ...shared,
    prepare: (mirror, arch) => lists.ensure(mirror, arch),
  })
  lists.configure(config, upstreams)
  const close = async () => {
    await Promise.all([...upstreams.values()].map((upstream) => upstream.close()))
    await lists.close()
  }
  return { upstreams, close }
}
