import { PinyonError, toPinyonError } from '../../model/errors.ts'
import { maskQuery } from '../../model/shown-url.ts'
import type { JudgedKeys } from '../../signature/judge-keys.ts'
import type { SigningKey } from '../../signature/signing-key.ts'
import type { Judge } from './judge.ts'
import type { FetchedKeys, KeyStore } from './key-store.ts'

/** Where keys are: a URL, or a file that was read with the configuration. */
export type KeySource = { readonly url: string } | { readonly file: string; readonly armored: Buffer }

/** Gets a URL's bytes; undefined instead of it: only what was fetched before is looked at. */
export type FetchKeys = (url: string) => Promise<Buffer>

/** The keys of a mirror, and what is wrong with some of its sources. */
export interface RingKeys {
  readonly keys: readonly RingKey[]
  readonly problems: readonly string[]
}

/** A key and where it is from: its URL as it can be shown, or `file`, since paths of ours are nobody's business. */
export type RingKey = SigningKey & { readonly source: string }

/**
 * How new keys of a URL have to be. `lax`: any do, while newer ones are fetched now and then; `daily`: of today if they can be had;
 * `soon`: of this minute, as what was refused may be right by newer ones.
 */
export type Freshness = 'lax' | 'daily' | 'soon'

/** After so long what was fetched is fetched again, in milliseconds; a URL of which nothing is known yet sooner, but not with every request. */
const RENEW_MS = { lax: 24 * 3_600_000, daily: 24 * 3_600_000, soon: 60_000 } as const
const FIRST_RETRY_MS = 5_000
/** Of what is kept of a URL, which only ever grows. */
const MAX_KEPT_BYTES = 2 << 20
/** Of keys that are not trusted, so many are named. */
const MAX_STRANGERS = 4

/** What a {@link KeyRing} is built from. */
export interface KeyRingOptions {
  readonly store: KeyStore
  readonly judge: Judge
  readonly now: () => number
}

/**
 * The keys that mirrors are configured with. A file counts as it is. Of a URL the keys count that it held when it was fetched first: later ones
 * can be renewed by whoever holds them, which their own signatures show, but keys that were not there are strangers until the operator
 * gives them as a file, since whoever can change what is published can change what lies beside it.
 */
export class KeyRing {
  readonly #options: KeyRingOptions
  /** Fetches that run, when each URL was tried last, and why that failed. */
  readonly #running = new Map<string, Promise<FetchedKeys | undefined>>()
  readonly #triedAt = new Map<string, number>()
  readonly #failures = new Map<string, string>()

  constructor(options: KeyRingOptions) {
    this.#options = options
  }

  /**
   * The keys of all sources that can be had.
   * @param fetch without it nothing is fetched
   */
  async keysOf(
    sources: readonly KeySource[],
    fetch?: FetchKeys,
    freshness: Freshness = 'daily',
  ): Promise<RingKeys> {
    const keys: RingKey[] = []
    const problems: string[] = []
    for (const source of sources) {
      const name = 'url' in source ? maskQuery(source.url) : 'file'
      try {
        const judged =
          'url' in source
            ? await this.#fromUrl(source.url, fetch, freshness, problems)
            : await this.#judge(source.armored)
        keys.push(...judged.keys.map((key) => ({ ...key, source: name })))
        problems.push(
          ...judged.problems.map((problem) => `a key of gpgkey ${name} cannot be used: ${problem}`),
        )
      } catch (error) {
        problems.push(`gpgkey ${name} cannot be used: ${toPinyonError(error).message}`)
      }
    }
    return { keys, problems }
  }

  async #fromUrl(
    url: string,
    fetch: FetchKeys | undefined,
    freshness: Freshness,
    problems: string[],
  ): Promise<JudgedKeys> {
    const kept = await this.#options.store.fetchedKeys(url)
    const held = fetch === undefined ? kept : await this.#renewWhenDue(url, kept, fetch, freshness)
    const failure = this.#failures.get(url)
    if (held === undefined) throw new PinyonError('KEY_REFUSED', failure ?? 'it was not fetched yet')
    if (failure !== undefined) problems.push(`gpgkey ${maskQuery(url)} could not be fetched anew: ${failure}`)
    if (held.strangers.length > 0) problems.push(describeStrangers(held))
    return await this.#judge(held.keys)
  }

  async #renewWhenDue(
    url: string,
    kept: FetchedKeys | undefined,
    fetch: FetchKeys,
    freshness: Freshness,
  ): Promise<FetchedKeys | undefined> {
    const last = Math.max(kept?.checkedAt ?? -Infinity, this.#triedAt.get(url) ?? -Infinity)
    const ageMs = this.#options.now() - last
    // A negative age is of a clock that was set back.
    const isDue = ageMs < 0 || ageMs >= (kept === undefined ? FIRST_RETRY_MS : RENEW_MS[freshness])
    const running = this.#running.get(url) ?? (isDue ? this.#start(url, kept, fetch) : undefined)
    // What is cached is given out whatever state its key's server is in.
    return running === undefined || (kept !== undefined && freshness === 'lax') ? kept : await running
  }

  /** Fetches a URL, for the first time or once more; never rejects. What was fetched before outlives a URL that cannot be had. */
  #start(url: string, kept: FetchedKeys | undefined, fetch: FetchKeys): Promise<FetchedKeys | undefined> {
    this.#triedAt.set(url, this.#options.now())
    const renewed = this.#refresh(url, kept, fetch)
      .then((found) => {
        this.#failures.delete(url)
        return found
      })
      .catch((error: unknown) => {
        this.#failures.set(url, toPinyonError(error).message)
        return kept
      })
      .finally(() => this.#running.delete(url))
    this.#running.set(url, renewed)
    return renewed
  }

  async #refresh(url: string, kept: FetchedKeys | undefined, fetch: FetchKeys): Promise<FetchedKeys> {
    const fetched = await fetch(url)
    return kept === undefined
      ? await this.#trust(url, await this.#judge(fetched))
      : await this.#renew(kept, fetched)
  }

  async #trust(url: string, { packets, problems }: JudgedKeys): Promise<FetchedKeys> {
    const { store, now } = this.#options
    if (packets.size === 0)
      throw new PinyonError('KEY_REFUSED', `no key of it can be read: ${problems.join('; ')}`)
    const keys = Buffer.concat([...packets.values()])
    return await store.trustKeys({ url, keys, firstAt: now(), checkedAt: now(), strangers: [] })
  }

  async #renew(kept: FetchedKeys, fetched: Buffer): Promise<FetchedKeys> {
    const { store, judge, now } = this.#options
    const { packets, strangers } = await judge.renew(kept.keys, fetched, now())
    const keys = Buffer.concat([...packets.values()])
    if (keys.length > MAX_KEPT_BYTES)
      throw new PinyonError(
        'KEY_REFUSED',
        `with all that was added to them its keys have ${keys.length} bytes`,
      )
    const renewed = { ...kept, keys, checkedAt: now(), strangers: strangers.slice(0, MAX_STRANGERS) }
    await store.renewKeys(renewed)
    return renewed
  }

  async #judge(bytes: Buffer): Promise<JudgedKeys> {
    return await this.#options.judge.judge(bytes, this.#options.now())
  }
}

function describeStrangers({ url, firstAt, strangers }: FetchedKeys): string {
  const day = new Date(firstAt).toISOString().slice(0, 10)
  return `gpgkey ${maskQuery(url)} has keys that it had not when it was fetched first, on ${day}, and that are not trusted: ${strangers.join(', ')}; if they are meant, give them as a file: beside it`
}
