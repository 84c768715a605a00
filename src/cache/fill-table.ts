import type { PinyonError } from '../model/errors.ts'
import type { Claims } from '../system/claims.ts'
import type { BlobStore, ExpectedBlob } from './blob-store.ts'
import type { FillReader } from './fill-reader.ts'
import { Fill, fillName } from './fill.ts'
import { Loans } from './lent-piece.ts'
import type { FillReport, FillSubject } from './fill-story.ts'
import type { FillSource } from './source-race.ts'

/** What a {@link FillTable} is built from. */
export interface FillTableOptions {
  readonly blobs: BlobStore
  readonly claims: Claims
  /** Longest body of a blob whose size the listing does not say, in bytes; 16 GiB unless told. */
  readonly maxUnlistedBytes?: number
  /** Told of every fill's end, for figures and the log. */
  readonly onEnd?: (expected: ExpectedBlob, error: PinyonError | undefined, report: FillReport) => void
}

const MAX_UNLISTED_BYTES = 16 * 2 ** 30

/** The fills this process takes part in, at most one a digest and listed size. */
export class FillTable {
  readonly #options: FillTableOptions
  readonly #fills = new Map<string, { fill: Fill; ended: Promise<void> }>()
  readonly #loans = new Loans()
  #closed = false

  constructor(options: FillTableOptions) {
    this.#options = options
  }

  /** Fills running now. */
  get size(): number {
    return this.#fills.size
  }

  /** Who reads fills that somebody else began. */
  get followers(): number {
    return [...this.#fills.values()].reduce((sum, { fill }) => sum + fill.followers, 0)
  }

  /** Whether a fill of this blob runs. */
  has(expected: ExpectedBlob): boolean {
    return this.#fills.has(fillName(expected))
  }

  /**
   * Reads a blob that is not there yet: from the fill that is running, or from one begun now. Release the reader when done.
   * @param origin tells sources apart; a fill that is running asks this one as well, when its own fail or are late
   * @param others further sources, by their origins, asked likewise and after that one
   * @param subject what figures and the log are to say of a fill that this begins
   */
  read(
    expected: ExpectedBlob,
    source: FillSource,
    origin: string,
    others: readonly (readonly [origin: string, source: FillSource])[] = [],
    subject?: FillSubject,
  ): { reader: FillReader; outcome: 'fill' | 'join' } {
    const name = fillName(expected)
    const running = this.#fills.get(name)?.fill
    const fill = running ?? this.#create(name, expected, subject)
    fill.addSource(origin, source)
    for (const [name, other] of others) fill.addSource(name, other)
    const reader = fill.open()
    if (running === undefined) this.#start(name, fill)
    return { reader, outcome: running === undefined ? 'fill' : 'join' }
  }

  /** Stops every fill, those begun later included, and waits until each has cleaned up. */
  async close(): Promise<void> {
    this.#closed = true
    const running = [...this.#fills.values()]
    for (const { fill } of running) fill.abort()
    await Promise.all(running.map(({ ended }) => ended))
  }

  #create(name: string, expected: ExpectedBlob, subject: FillSubject | undefined): Fill {
    const { blobs, claims, maxUnlistedBytes = MAX_UNLISTED_BYTES } = this.#options
    const onEnd = (fill: Fill, error?: PinyonError) => {
      this.#fills.delete(name)
      this.#options.onEnd?.(expected, error, fill.report)
    }
    return new Fill(expected, { blobs, claims, maxUnlistedBytes, loans: this.#loans, onEnd }, subject)
  }

  #start(name: string, fill: Fill): void {
    // Who comes too late for the last round is told so, and claims nothing.
    if (this.#closed) fill.abort()
    // Registered before it runs: a fill may end at once, and must find itself here to leave.
    const entry = { fill, ended: Promise.resolve() }
    this.#fills.set(name, entry)
    entry.ended = fill.run()
  }
}
