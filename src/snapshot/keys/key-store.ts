/** What an http or https `gpgkey` held. */
export interface FetchedKeys {
  readonly url: string
  /** The trusted keys, as OpenPGP packets without armour. */
  readonly keys: Buffer
  /** When it was fetched first, which is what they are trusted for, and when it was looked at last, in milliseconds since the epoch. */
  readonly firstAt: number
  readonly checkedAt: number
  /** Fingerprints of keys that came later and are not trusted. */
  readonly strangers: readonly string[]
}

/** Keeps fetched keys, so that restarts and outages change neither what is trusted nor whether there is a key. */
export interface KeyStore {
  fetchedKeys(url: string): Promise<FetchedKeys | undefined>
  /** Keeps what a URL held when it was fetched first, unless somebody did already; gives what is kept. */
  trustKeys(keys: FetchedKeys): Promise<FetchedKeys>
  /** Replaces what is kept of a URL. */
  renewKeys(keys: FetchedKeys): Promise<void>
  /** Forgets every URL but these. */
  forgetKeys(except: readonly string[]): Promise<void>
}
