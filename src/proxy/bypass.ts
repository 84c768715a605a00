import pLimit, { type LimitFunction } from 'p-limit'

import type { FillBody } from '../cache/source-race.ts'
import { digestAlgorithm, finishDigest, startDigest, type Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { giveBack } from '../system/pieces.ts'
import type { Body } from './body.ts'

/** Bodies of one mirror passed through at a time: its other connections are for fills and syncs, however slowly clients read. */
const AT_ONCE = 12

/** Lets so many bodies of a mirror through at a time; further ones wait. */
export class BypassGate {
  readonly #limits = new Map<string, LimitFunction>()

  /** Waits for a place; call what it gives when done. */
  async enter(mirror: string): Promise<() => void> {
    const limit = this.#limits.get(mirror) ?? pLimit(AT_ONCE)
    this.#limits.set(mirror, limit)
    const { promise: left, resolve: leave } = Promise.withResolvers<void>()
    await new Promise<void>((entered) => {
      void limit(() => {
        entered()
        return left
      })
    })
    return leave
  }
}

/** A file that is passed through. */
export interface PassedFile {
  readonly digest: Digest
  /** Bytes, as listed. */
  readonly size: number
  /** Opens its body upstream; the signal ends it. */
  readonly open: (signal: AbortSignal) => Promise<FillBody>
  /** Waits for its turn; call what it gives when done. */
  readonly enter: () => Promise<() => void>
}

/**
 * A body that goes from upstream to one client without being stored, for when nothing more can be. It is read once, from the start on;
 * what it holds is a chunk of upstream's. Its digest is known only with its last byte, so that whoever reads it holds the end back.
 */
export class BypassBody implements Body {
  readonly outcome = 'bypass'
  readonly complete = false
  readonly isSequential = true
  readonly size: number
  readonly #file: PassedFile
  readonly #abort = new AbortController()
  readonly #hash: ReturnType<typeof startDigest>
  #body: FillBody | undefined
  #chunks: AsyncIterator<Uint8Array> | undefined
  #leave: (() => void) | undefined
  /** What came and was not read yet. */
  #waiting: Buffer = Buffer.alloc(0)
  /** Where it begins in the file. */
  #position = 0
  #received = 0
  #verified = false

  constructor(file: PassedFile) {
    this.#file = file
    this.size = file.size
    this.#hash = startDigest(digestAlgorithm(file.digest))
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    if (position !== this.#position)
      throw new PinyonError(
        'STORE_FAILED',
        `a body that is passed through is read from ${this.#position}, not: ${position}`,
      )
    while (this.#waiting.length === 0 && this.#received < this.size) await this.#receive()
    const count = this.#waiting.copy(target)
    this.#waiting = this.#waiting.subarray(count)
    this.#position += count
    return count
  }

  /** Receives the rest, no more than the end that is held back, and holds the whole against its digest. */
  async verified(): Promise<number> {
    while (!this.#verified) await this.#receive()
    return this.size
  }

  release(): void {
    this.#abort.abort()
    this.#leave?.()
    // A body that is given up frees its connection; nobody waits for that.
    Promise.resolve(this.#chunks?.return?.()).catch(() => undefined)
  }

  async #receive(): Promise<void> {
    const { digest, size } = this.#file
    this.#chunks ??= await this.#begin()
    const next = await this.#chunks.next()
    if (next.done === true) return this.#finish()
    const chunk = next.value
    this.#received += chunk.length
    if (this.#received > size) {
      this.#body?.judge?.(false)
      throw new PinyonError('UPSTREAM_OVERSIZE', `${digest} is longer than listed: ${size} bytes`)
    }
    this.#hash.update(chunk)
    this.#waiting = this.#waiting.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#waiting, chunk])
    giveBack(chunk)
  }

  async #begin(): Promise<AsyncIterator<Uint8Array>> {
    const leave = await this.#file.enter()
    // Its client may have gone while it waited.
    if (this.#abort.signal.aborted) leave()
    this.#abort.signal.throwIfAborted()
    this.#leave = leave
    this.#body = await this.#file.open(this.#abort.signal)
    return this.#body[Symbol.asyncIterator]()
  }

  #finish(): void {
    const { digest, size } = this.#file
    if (this.#received < size)
      throw new PinyonError('UPSTREAM_SHORT', `${digest} ended early: ${this.#received} of ${size} bytes`)
    const found = finishDigest(digestAlgorithm(digest), this.#hash)
    // Who gave other bytes is asked after the others the next time.
    this.#body?.judge?.(found === digest)
    if (found !== digest) throw new PinyonError('DIGEST_MISMATCH', `expected ${digest}, found ${found}`)
    this.#verified = true
  }
}
