import type { Reach } from '../../model/reach.ts'

/** The last good answer of a metalink's or mirrorlist's URL. */
export interface StoredListing {
  /** As it can be shown, with what tells it apart from others that are shown alike. */
  readonly url: string
  readonly body: Buffer
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /** How far in the network it may lead; undefined for a file of this machine. */
  readonly reach: Reach | undefined
  /** When it came, and when upstream last said that it is still so, in milliseconds since the epoch. */
  readonly fetchedAt: number
  readonly checkedAt: number
}

/** Keeps lists of mirrors, so that neither a restart nor an outage of whoever gives them ends anything. */
export interface ListingStore {
  listing(url: string): Promise<StoredListing | undefined>
  /** The URLs of those that were looked at after a moment, in milliseconds since the epoch, and when; without reading them. */
  checkedAfter(ms: number): Promise<readonly Pick<StoredListing, 'url' | 'checkedAt'>[]>
  /** Replaces what is kept of a URL. */
  keepListing(listing: StoredListing): Promise<void>
  /** Forgets every URL but these. */
  forgetListings(except: readonly string[]): Promise<void>
}
