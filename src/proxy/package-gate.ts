import { LRUCache } from 'lru-cache'

import type { Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { PackageCheck } from '../signature/package-check.ts'
import type { Verdict } from '../signature/verify.ts'
import type { Freshness, RingKeys } from '../snapshot/keys/key-ring.ts'
import type { ReadableBytes } from '../cache/blob-store.ts'

/** The keys of a mirror. */
export interface GateKeys {
  keysOf(freshness: Freshness): Promise<RingKeys>
  /** Whether that can help: there are keys of URLs. */
  readonly canRenew: boolean
}

/** Packages that were found signed, so many and so long in milliseconds, are not looked at again: what is stored under a digest does not change. */
const KEPT = 50_000
const KEPT_MS = 3_600_000
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

  constructor(keys: GateKeys, now: () => number) {
    this.#keys = keys
    this.#now = now
  }

  /** Whether a package was found signed lately. */
  hasPassed(digest: Digest): boolean {
    return this.#passed.has(digest)
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
    this.#settle(digest, path, verdict, problems)
  }

  #settle(digest: Digest, path: string, verdict: Verdict, problems: readonly string[]): void {
    if (verdict.good === undefined)
      throw new PinyonError(
        'SIGNATURE_REFUSED',
        `gpgcheck refuses ${path}: ${[verdict.reason, ...problems].join('; ')}`,
      )
    this.#passed.set(digest, true)
  }
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
