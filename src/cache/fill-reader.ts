import type { Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import type { ReadableBytes } from './blob-store.ts'
import type { FillAttempt } from './fill-attempt.ts'

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
  /** End of what was handed out: a further attempt must agree with it up to here. */
  #handedOut = 0
  /** Reads under way. */
  #reading = 0
  #state: 'open' | 'released' | 'left' = 'open'

  constructor(digest: Digest, view: FillView) {
    this.#digest = digest
    this.#view = view
  }

  /**
   * Reads what is there at a position, waiting until something is.
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
        const count = await attempt.read(target.subarray(0, available), position)
        this.#handedOut = Math.max(this.#handedOut, position + count)
        return count
      }
      const failure = this.#view.failure()
      if (failure !== undefined) throw failure
      if (this.#view.state() === 'verified' && attempt !== undefined) {
        if (!this.#mayUse(attempt)) throw this.#contradiction()
        return 0
      }
      await this.#view.changed()
    }
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
    return true
  }

  #contradiction(): PinyonError {
    return new PinyonError(
      'DIGEST_MISMATCH',
      `a second copy of ${this.#digest} differs from what was already sent`,
    )
  }
}
