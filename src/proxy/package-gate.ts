import { LRUCache } from 'lru-cache'

import type { Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { PackageCheck } from '../signature/package-check.ts'
import type { Verdict } from '../signature/verify.ts'
import type { Freshness, RingKeys } from '../snapshot/keys/key-ring.ts'
import type { ReadableBytes } from '../cache/blob-store.ts'

/** The keys of a mirror. */
export interface GateKeys {
  /** @param freshness without it none is fetched */
  keysOf(freshness?: Freshness): Promise<RingKeys>
  /** Whether that can help: there are keys of URLs. */
  readonly canRenew: boolean
}

/** Packages that were found signed, so many and so long in milliseconds, are not looked at again: what is stored under a digest does not change. */
const KEPT = 50_000
const KEPT_MS = 3_600_000
/** Refusals that are remembered for who asks why, and for how long in milliseconds while newer keys may be had: those are fetched no sooner. */
const KEPT_REFUSALS = 1_000
const KEPT_RENEWABLE_MS = 60_000
const PIECE_BYTES = 64 << 10

/**
 * What stands between the packages of a mirror with `gpgcheck` and its clients: nothing of them gets out whole before its signature was found
 * right, whoever brought them into the cache.
 */
export class PackageGate {
  readonly #keys: GateKeys
  readonly #now: () => number
  readonly #passed = new LRUCache<Digest, true>({
    // Not `max`, for which room is set aside at once: there is one of these a mirror.
    maxSize: KEPT,
    sizeCalculation: () => 1,
    ttl: KEPT_MS,
  })

  /** Why others were refused. */
  readonly #refused: LRUCache<Digest, string>

  constructor(keys: GateKeys, now: () => number) {
    this.#keys = keys
    this.#now = now
    this.#refused = new LRUCache({
      maxSize: KEPT_REFUSALS,
      sizeCalculation: () => 1,
      ttl: keys.canRenew ? KEPT_RENEWABLE_MS : KEPT_MS,
    })
  }

  /** Whether a package was found signed lately. */
  hasPassed(digest: Digest): boolean {
    return this.#passed.has(digest)
  }

  /** What a package was refused with lately, by keys than which there are no newer ones yet. */
  refusal(digest: Digest, path: string): PinyonError | undefined {
    const reason = this.#refused.get(digest)
    return reason === undefined ? undefined : refuse(path, reason)
  }

  /** What {@link check} would refuse a package with, by what was found before, else by the keys that are here: undefined also where there are none. */
  async look(digest: Digest, path: string, bytes: ReadableBytes): Promise<PinyonError | undefined> {
    if (this.hasPassed(digest)) return undefined
    const known = this.refusal(digest, path)
    if (known !== undefined) return known
    const { keys, problems } = await this.#keys.keysOf()
    if (keys.length === 0) return undefined
    const check = new PackageCheck(keys, this.#now())
    await feed(check, bytes)
    const verdict = check.finish()
    if (verdict.good === undefined) return refuse(path, this.#note(digest, verdict, problems))
    this.#passed.set(digest, true)
    return undefined
  }

  /**
   * Looks at a package all of which can be read.
   * @throws PinyonError SIGNATURE_REFUSED
   */
  async check(digest: Digest, path: string, bytes: ReadableBytes): Promise<void> {
    if (this.hasPassed(digest)) return
    await this.#judge(digest, path, (check) => feed(check, bytes))
  }

  /** Begins to look at a package whose bytes go by once; call what it gives when all of them did. */
  async watch(digest: Digest, path: string): Promise<{ check: PackageCheck; end: () => void }> {
    const { keys, problems } = await this.#keys.keysOf('lax')
    const check = new PackageCheck(keys, this.#now())
    return { check, end: () => this.#settle(digest, path, check.finish(), problems) }
  }

  async #judge(
    digest: Digest,
    path: string,
    read: (check: PackageCheck) => Promise<void>,
    soon = false,
  ): Promise<void> {
    const { keys, problems } = await this.#keys.keysOf(soon ? 'soon' : 'lax')
    const check = new PackageCheck(keys, this.#now())
    await read(check)
    const verdict = check.finish()
    if (verdict.good === undefined && !soon && this.#keys.canRenew)
      return await this.#judge(digest, path, read, true)
    this.#settle(digest, path, verdict, problems, soon)
  }

  /** @param isNewest whether its keys are the newest that can be had now */
  #settle(
    digest: Digest,
    path: string,
    verdict: Verdict,
    problems: readonly string[],
    isNewest = false,
  ): void {
    if (verdict.good === undefined) throw refuse(path, this.#note(digest, verdict, problems, isNewest))
    this.#passed.set(digest, true)
    this.#refused.delete(digest)
  }

  /** Notes why a package is refused, where no newer keys can change that. */
  #note(digest: Digest, { reason = '' }: Verdict, problems: readonly string[], isNewest = false): string {
    const text = [reason, ...problems].join('; ')
    if (isNewest || !this.#keys.canRenew) this.#refused.set(digest, text)
    return text
  }
}

function refuse(path: string, reason: string): PinyonError {
  return new PinyonError('SIGNATURE_REFUSED', `gpgcheck refuses ${path}: ${reason}`)
}

async function feed(check: PackageCheck, bytes: ReadableBytes): Promise<void> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES)
  for (let position = 0; !check.isSettled;) {
    const count = await bytes.read(buffer, position)
    if (count === 0) return
    check.update(buffer.subarray(0, count))
    position += count
  }
}
