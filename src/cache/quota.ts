import { PinyonError } from '../model/errors.ts'

/** Bytes set aside for a blob that is being written. */
export interface Reservation {
  /** Sets aside as many as this in all; undefined where they are already. Throws CACHE_FULL. */
  ensure(bytes: number): Promise<void> | undefined
  /** Tells how many of them are on the disk by now. */
  note(writtenBytes: number): void
  /** Gives back what was set aside; harmless when repeated. */
  release(): void
}

/** What a {@link Quota} is built from. */
export interface QuotaOptions {
  /** The most bytes that may be stored; asked each time, since it can be configured anew. */
  readonly maxBytes: () => number
  /** Bytes stored now, by all processes. */
  readonly storedBytes: () => number
  /** Removes what may go until so many more bytes fit, or nothing more may go. Called once at a time. */
  readonly makeRoom: (bytes: number) => Promise<void>
  /** Told when something had to be refused, or is stored again after that. */
  readonly onFull?: (full: boolean) => void
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number
}

/** What a blob of unknown size sets aside at a time, in bytes. */
const STEP_BYTES = 1 << 20
/** From this share of the quota on, room is made before it is needed. */
const HIGH_WATER = 0.95
/** How often room is made for one blob. */
const MAX_TRIES = 4
/** After making room was in vain, it is not tried again for so long, in milliseconds. */
const FULL_FOR_MS = 10_000
/** Whoever needs room waits no longer than this for it: a client is waiting for its first byte. In milliseconds. */
const MAX_WAIT_MS = 10_000

/**
 * Keeps what is stored, and what is being written, within a number of bytes: they are set aside before they are written. What a
 * snapshot cannot be without (its repodata) is counted, but never refused.
 */
export class Quota {
  readonly #options: QuotaOptions
  #reserved = 0
  #written = 0
  #making: Promise<void> | undefined
  #fullUntil = Number.NEGATIVE_INFINITY
  /** Until when no room is made ahead: what is left may not go. */
  #crowdedUntil = Number.NEGATIVE_INFINITY
  #isFull = false
  /** Left below the high-water mark when something was last asked for, in bytes. */
  #roomBytes = 0

  constructor(options: QuotaOptions) {
    this.#options = options
  }

  /** Bytes set aside by this process. */
  get reservedBytes(): number {
    return this.#reserved
  }

  /** How many of them are on the disk already, and no longer free there. */
  get writtenBytes(): number {
    return this.#written
  }

  /** The most bytes that may be stored now. */
  get maxBytes(): number {
    return this.#options.maxBytes()
  }

  /** Whether so many bytes are as good as sure to fit, by what was there when some were last set aside; of a blob of unknown size the first. */
  seemsToFit(bytes = STEP_BYTES): boolean {
    return bytes <= this.#roomBytes
  }

  /** Whether what was asked for last did not fit. */
  get isFull(): boolean {
    return this.#isFull
  }

  /**
   * Sets bytes aside; of a blob whose size is not known, the first of them.
   * @throws PinyonError CACHE_FULL when they do not fit and nothing more may go
   */
  async reserve(bytes: number | undefined, { essential }: { essential: boolean }): Promise<Reservation> {
    let [held, written] = [0, 0]
    const note = (writtenBytes: number) => {
      this.#written += writtenBytes - written
      written = writtenBytes
    }
    const take = async (wanted: number) => {
      const inSteps = bytes === undefined && !essential
      const more = inSteps ? Math.ceil((wanted - held) / STEP_BYTES) * STEP_BYTES : wanted - held
      await this.#take(more, essential)
      held += more
    }
    await take(bytes ?? 1)
    return {
      ensure: (wanted) => (wanted <= held ? undefined : take(wanted)),
      note,
      release: () => {
        note(0)
        this.#reserved -= held
        held = 0
        // What was being written may be what can go next.
        this.#fullUntil = Number.NEGATIVE_INFINITY
      },
    }
  }

  /** Looks and takes in one go: of several that wait for room, none counts on what another one gets. */
  async #take(bytes: number, essential: boolean): Promise<void> {
    const limit = this.#options.maxBytes()
    // Again where others got the room, or it was being made for what they need.
    let taken = this.#wouldBe(bytes)
    this.#roomBytes = HIGH_WATER * limit - taken
    for (let tries = 0; tries < MAX_TRIES && !essential && taken > limit; tries += 1) {
      const isWorthAnother = await this.#makeRoom(bytes)
      taken = this.#wouldBe(bytes)
      if (!isWorthAnother) break
    }
    if (!essential && taken > limit) {
      this.#tell(true)
      throw new PinyonError(
        'CACHE_FULL',
        `the cache is full, and nothing more may go: ${taken} of ${limit} bytes`,
      )
    }
    this.#reserved += bytes
    if (taken > HIGH_WATER * limit && this.#now() >= this.#crowdedUntil) void this.#makeRoom(0)
    if (taken <= limit) this.#tell(false)
  }

  #now(): number {
    return (this.#options.now ?? (() => performance.now()))()
  }

  #wouldBe(bytes: number): number {
    return this.#options.storedBytes() + this.#reserved + bytes
  }

  /**
   * Never rejects, nor waits for ever: what could not be removed shows in what is stored. False where it is in vain to ask again at once.
   */
  async #makeRoom(bytes: number): Promise<boolean> {
    const { makeRoom } = this.#options
    if (this.#now() < this.#fullUntil) return false
    const needed = this.#reserved + bytes
    this.#making ??= makeRoom(needed)
      .catch(() => undefined)
      .finally(() => {
        this.#making = undefined
        // What has been set aside since is no sign that nothing more may go.
        const taken = Math.min(this.#wouldBe(bytes), this.#options.storedBytes() + needed)
        if (taken <= HIGH_WATER * this.#options.maxBytes()) return
        this.#fullUntil = this.#now() + FULL_FOR_MS
        this.#crowdedUntil = this.#fullUntil
      })
    const { promise: late, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), MAX_WAIT_MS)
    const isMade = await Promise.race([this.#making.then(() => true), late])
    clearTimeout(timer)
    return isMade
  }

  #tell(full: boolean): void {
    if (full === this.#isFull) return
    this.#isFull = full
    this.#options.onFull?.(full)
  }
}

/** For a store without a limit. */
export function createUnlimitedQuota(): Quota {
  return new Quota({
    maxBytes: () => Number.POSITIVE_INFINITY,
    storedBytes: () => 0,
    makeRoom: async () => undefined,
  })
}
