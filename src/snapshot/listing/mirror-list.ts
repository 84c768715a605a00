import { PinyonError, toPinyonError } from '../../model/errors.ts'
import { aboutFile } from '../../model/upstream-advice.ts'
import type { MirrorListing } from '../../model/mirror-listing.ts'
import type { Reach } from '../../model/reach.ts'
import { parseMetalink } from '../../repodata/metalink.ts'
import { parseMirrorlist } from '../../repodata/mirrorlist.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import { readAll } from '../repomd-source.ts'
import type { ListingStore, StoredListing } from './listing-store.ts'

/** Ten times as much as a metalink of some hundred mirrors, in bytes. */
const MAX_LIST_BYTES = 512 << 10

/** What a list is made from. */
export interface MirrorListOptions {
  /** How the configuration names it; a mirrorlist may be a metalink all the same. */
  readonly kind: 'metalink' | 'mirrorlist'
  /** By name, for `$basearch` and the like in its URLs. */
  readonly variables: ReadonlyMap<string, string>
  /** How long a mirrorlist is used before it is asked for again, in milliseconds. */
  readonly expireMs: number
  /** Whose only base URL is the list's. */
  readonly upstream: Pick<Upstream, 'get' | 'baseurls'>
  /** Under which it is kept: lists that differ in a secret alone are named alike. */
  readonly key: string
  readonly store: Pick<ListingStore, 'listing' | 'keepListing'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told of the mirrors that it names, and how far in the network it may lead. */
  readonly onListed: (baseurls: readonly string[], from: Reach | undefined) => void
}

/** A list as it is known now. */
export interface KnownListing {
  readonly listing: MirrorListing
  /** Whether upstream was asked for it just now, and answered. */
  readonly isFresh: boolean
  /** Why not, if it should have been. */
  readonly error: PinyonError | undefined
}

/** How a list is, for those who look after it. Times are milliseconds since the epoch. */
export interface ListState {
  readonly kind: 'metalink' | 'mirrorlist'
  readonly url: string
  readonly fetchedAt: number | undefined
  readonly checkedAt: number | undefined
  /** Why it could not be had last; undefined when it could. */
  readonly error: string | undefined
}

interface Held {
  readonly stored: StoredListing
  readonly listing: MirrorListing
}

/** The metalink or mirrorlist of one mirror. The last good one holds until there is a better one. */
export class MirrorList {
  readonly #options: MirrorListOptions
  readonly #url: string
  #held: Held | undefined
  #error: PinyonError | undefined
  #refreshing: Promise<KnownListing> | undefined

  /** Does no I/O. */
  constructor(options: MirrorListOptions) {
    this.#options = options
    this.#url = options.upstream.baseurls[0] ?? ''
  }

  get key(): string {
    return this.#options.key
  }

  get state(): ListState {
    const { fetchedAt, checkedAt } = this.#held?.stored ?? {}
    const kind = this.#held?.listing.kind ?? this.#options.kind
    return { kind, url: this.#url, fetchedAt, checkedAt, error: this.#error?.message }
  }

  /** Takes up what was kept, by this process or another. What cannot be read any more, as variables are others now, is passed over. */
  async load(): Promise<void> {
    const stored = await this.#options.store.listing(this.key)
    if (stored === undefined || stored.checkedAt <= (this.#held?.stored.checkedAt ?? -Infinity)) return
    try {
      this.#hold(stored, this.#parse(stored.body))
    } catch {
      // It is asked for when it is needed.
    }
  }

  /** Makes sure that mirrors are known. Throws PinyonError when the list cannot be had. */
  async ensure(): Promise<void> {
    if (this.#held === undefined) await this.load()
    if (this.#held === undefined) await this.refresh(undefined)
  }

  /**
   * The list as it is now: a metalink is looked at each time, since it says what repomd.xml is the newest; a mirrorlist when its time is over.
   * @throws PinyonError when it cannot be had, and never was
   */
  async refresh(signal: AbortSignal | undefined): Promise<KnownListing> {
    const running = (this.#refreshing ??= this.#refresh(signal).finally(() => (this.#refreshing = undefined)))
    return await running
  }

  async #refresh(signal: AbortSignal | undefined): Promise<KnownListing> {
    await this.load()
    if (this.#held !== undefined && this.#isRecent(this.#held))
      return { listing: this.#held.listing, isFresh: false, error: undefined }
    try {
      const { listing } = await this.#fetch(signal)
      this.#error = undefined
      return { listing, isFresh: true, error: undefined }
    } catch (thrown) {
      signal?.throwIfAborted()
      const error = this.#describe(toPinyonError(thrown))
      this.#error = error
      if (this.#held === undefined || error.kind.source === 'internal') throw error
      return { listing: this.#held.listing, isFresh: false, error }
    }
  }

  #isRecent({ stored, listing }: Held): boolean {
    const ageMs = this.#options.now() - stored.checkedAt
    // A negative age is of a clock that was set back: it says nothing.
    return listing.kind === 'mirrorlist' && ageMs >= 0 && ageMs < this.#options.expireMs
  }

  async #fetch(signal: AbortSignal | undefined): Promise<Held> {
    const { upstream, store, now } = this.#options
    const held = this.#held
    const reply = await upstream.get('', {
      ...(signal === undefined ? {} : { signal }),
      ...(held === undefined ? {} : { validators: this.#validators(held.stored) }),
    })
    const checkedAt = now()
    if (reply.status === 304 && held === undefined)
      throw new PinyonError('UPSTREAM_STATUS', `asked without conditions, ${this.#url} answered: 304`)
    const body = reply.status === 304 ? undefined : await readAll(reply, MAX_LIST_BYTES, this.#url)
    if (held !== undefined && (body === undefined || body.equals(held.stored.body))) {
      const stored = { ...held.stored, checkedAt }
      await store.keepListing(stored)
      return this.#hold(stored, held.listing)
    }
    const listing = this.#parse(body ?? Buffer.of())
    const { etag, lastModified } = reply.validators
    const { reach } = reply
    const answer = { url: this.key, body: body ?? Buffer.of(), etag, lastModified, reach }
    const stored = { ...answer, fetchedAt: checkedAt, checkedAt }
    await store.keepListing(stored)
    return this.#hold(stored, listing)
  }

  #validators({ etag, lastModified }: StoredListing) {
    return {
      baseurl: this.#url,
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    }
  }

  #hold(stored: StoredListing, listing: MirrorListing): Held {
    this.#held = { stored, listing }
    this.#options.onListed(listing.baseurls, stored.reach)
    return this.#held
  }

  #parse(body: Buffer): MirrorListing {
    const { kind, variables } = this.#options
    return kind === 'metalink' ? parseMetalink(body, variables) : parseMirrorlist(body, variables)
  }

  #describe(error: PinyonError): PinyonError {
    const message = `the ${this.#options.kind} cannot be had: ${error.message}`
    return aboutFile(new PinyonError(error.code, message, { ...error.facts, cause: error }), 'list')
  }
}
