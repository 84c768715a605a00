import type { Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { nextTrickle } from '../model/minimum-rate.ts'
import { withinMs } from '../system/within-ms.ts'
import type { ReadableBytes } from './blob-store.ts'
import type { FillAttempt } from './fill-attempt.ts'
import type { LentBytes } from './lent-piece.ts'

/** What a reader sees of its fill. */
export interface FillView {
  readonly attempt: () => FillAttempt | undefined
  readonly state: () => 'filling' | 'verified' | 'failed'
  readonly failure: () => PinyonError | undefined
  /** How it ended: `stored`, or why not; undefined while it goes on. */
  readonly end: () => 'stored' | PinyonError | undefined
  readonly changed: () => Promise<void>
  readonly release: () => void
}

/** One client's reading of a fill. It holds no bytes: a slow client costs nothing but its place in the file. */
export class FillReader implements ReadableBytes {
  readonly #digest: Digest
  readonly #view: FillView
  #attempt: FillAttempt | undefined
  /** Bytes of that attempt that were left when they began to be handed out a little at a time. */
  #held: number | undefined
  /** End of what was handed out: a further attempt must agree with it up to here. */
  #handedOut = 0
  /** Reads under way. */
  #reading = 0
  /** When bytes were handed out last, by a clock that only goes forward. */
  #lastAt = performance.now()
  #state: 'open' | 'released' | 'left' = 'open'

  constructor(digest: Digest, view: FillView) {
    this.#digest = digest
    this.#view = view
  }

  /**
   * Reads what is there at a position, waiting until something is. Where that takes so long that a client might give up, since a further
   * copy is being fetched, it reads on a little in the one that it began with: what is wrong there ends in a contradiction.
   * @throws PinyonError when it never will be, or when a new attempt contradicts what was handed out before
   */
  async read(target: Uint8Array, position: number): Promise<number> {
    this.#reading += 1
    try {
      return await this.#read(target, position)
    } finally {
      this.#reading -= 1
      this.#leave()
    }
  }

  /**
   * As {@link read}, without a copy: what has come last is in memory, and no reader but a slow one needs the file.
   * @returns undefined where it has to be read
   */
  async lend(position: number, count: number): Promise<LentBytes | undefined> {
    for (;;) {
      const attempt = this.#view.attempt()
      if (this.#state !== 'open') return undefined
      if (attempt !== undefined && this.#mayUse(attempt) && attempt.written > position) {
        const lent = attempt.lend(position, Math.min(count, attempt.written - position))
        if (lent !== undefined) this.#note(position + lent.bytes.length)
        return lent
      }
      // What else there is to it, reading tells.
      const isWaiting =
        this.#view.state() === 'filling' && (this.#attempt === undefined || this.#attempt === attempt)
      if (!isWaiting) return undefined
      await this.#view.changed()
    }
  }

  /** How fast the bytes come. */
  bytesPerSecond(): number {
    return this.#view.attempt()?.bytesPerSecond ?? Infinity
  }

  /** Resolves with the blob's size once its digest is known to be right. */
  async verified(): Promise<number> {
    for (;;) {
      const attempt = this.#view.attempt()
      if (this.#view.state() === 'verified' && attempt !== undefined) {
        if (!this.#mayUse(attempt)) throw this.#contradiction()
        return attempt.written
      }
      const failure = this.#view.failure()
      if (failure !== undefined) throw failure
      await this.#view.changed()
    }
  }

  /** Resolves with the blob's size once it is stored; throws when it will not be, also where its bytes were right. */
  async stored(): Promise<number> {
    const size = await this.verified()
    for (;;) {
      const end = this.#view.end()
      if (end === 'stored') return size
      if (end !== undefined) throw end
      await this.#view.changed()
    }
  }

  /** Ends the reading; harmless when repeated. A read under way keeps the file open until it returns. */
  release(): void {
    if (this.#state === 'open') this.#state = 'released'
    this.#leave()
  }

  async #read(target: Uint8Array, position: number): Promise<number> {
    for (;;) {
      if (this.#state !== 'open')
        throw new PinyonError('STORE_FAILED', `reading ${this.#digest} after its release`)
      const attempt = this.#view.attempt()
      if (attempt !== undefined && this.#mayUse(attempt) && attempt.written > position) {
        const available = Math.min(target.length, attempt.written - position)
        return await this.#handOut(attempt, target.subarray(0, available), position)
      }
      const failure = this.#view.failure()
      if (failure !== undefined) throw failure
      if (this.#view.state() === 'verified' && attempt !== undefined) {
        if (!this.#mayUse(attempt)) throw this.#contradiction()
        return 0
      }
      const own = this.#attempt
      const left = own === undefined || own === attempt ? 0 : own.written - position
      if (own === undefined || left <= 0) await this.#view.changed()
      else {
        const { afterMs, bytes } = nextTrickle(left, (this.#held ??= left))
        if (await this.#changesWithin(afterMs)) continue
        return await this.#handOut(own, target.subarray(0, Math.min(left, bytes)), position)
      }
    }
  }

  async #handOut(attempt: FillAttempt, target: Uint8Array, position: number): Promise<number> {
    const count = await attempt.read(target, position)
    this.#note(position + count)
    return count
  }

  /** Bytes were handed out, up to this end. */
  #note(end: number): void {
    this.#handedOut = Math.max(this.#handedOut, end)
    this.#lastAt = performance.now()
  }

  /** Waits for a change of the fill, as long as a client may be without bytes. */
  async #changesWithin(silenceMs: number): Promise<boolean> {
    const left = silenceMs - (performance.now() - this.#lastAt)
    if (left <= 0) return false
    return (
      (await withinMs(
        this.#view.changed().then(() => true),
        left,
      )) === true
    )
  }

  #leave(): void {
    if (this.#state !== 'released' || this.#reading > 0) return
    this.#state = 'left'
    this.#view.release()
  }

  /** Whether this reader may read from an attempt: always before anything was handed out, then only while both agree. */
  #mayUse(attempt: FillAttempt): boolean {
    if (attempt === this.#attempt) return true
    if (this.#attempt !== undefined && this.#handedOut > 0) {
      const agreed = attempt.agreedWith(this.#attempt)
      if (agreed < this.#handedOut && attempt.divergedFrom(this.#attempt)) throw this.#contradiction()
      if (agreed < this.#handedOut) return false
    }
    this.#attempt = attempt
    this.#held = undefined
    return true
  }

  #contradiction(): PinyonError {
    return new PinyonError(
      'DIGEST_MISMATCH',
      `a second copy of ${this.#digest} differs from what was already sent`,
    )
  }
}
