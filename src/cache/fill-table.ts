import type { Digest } from '../model/digest.ts'
import type { PinyonError } from '../model/errors.ts'
import type { Claims } from '../system/claims.ts'
import type { BlobStore, ExpectedBlob } from './blob-store.ts'
import type { FillReader } from './fill-reader.ts'
import { Fill, type FillSource } from './fill.ts'

/** What a {@link FillTable} is built from. */
export interface FillTableOptions {
  readonly blobs: BlobStore
  readonly claims: Claims
  /** Longest body of a blob whose size the listing does not say, in bytes; 16 GiB unless told. */
  readonly maxUnlistedBytes?: number
  /** Told of every fill's end, for the log. */
  readonly onEnd?: (expected: ExpectedBlob, error?: PinyonError) => void
}

const MAX_UNLISTED_BYTES = 16 * 2 ** 30

/** The fills this process takes part in, at most one a digest. */
export class FillTable {
  readonly #options: FillTableOptions
  readonly #fills = new Map<Digest, { fill: Fill; ended: Promise<void> }>()
  #closed = false

  constructor(options: FillTableOptions) {
    this.#options = options
  }

  /** Fills running now. */
  get size(): number {
    return this.#fills.size
  }

  /** Reads a blob that is not there yet: from the fill that is running, or from one begun now. Release the reader when done. */
  read(expected: ExpectedBlob, source: FillSource): { reader: FillReader; outcome: 'fill' | 'join' } {
    const running = this.#fills.get(expected.digest)
    if (running !== undefined) return { reader: running.fill.open(), outcome: 'join' }
    const fill = new Fill(expected, source, {
      blobs: this.#options.blobs,
      claims: this.#options.claims,
      maxUnlistedBytes: this.#options.maxUnlistedBytes ?? MAX_UNLISTED_BYTES,
      onEnd: (_, error) => {
        this.#fills.delete(expected.digest)
        this.#options.onEnd?.(expected, error)
      },
    })
    // Who comes too late for the last round is told so, and claims nothing.
    if (this.#closed) fill.abort()
    const reader = fill.open()
    // Registered before it runs: a fill may end at once, and must find itself here to leave.
    const entry = { fill, ended: Promise.resolve() }
    this.#fills.set(expected.digest, entry)
    entry.ended = fill.run()
    return { reader, outcome: 'fill' }
  }

  /** Stops every fill, those begun later included, and waits until each has cleaned up. */
  async close(): Promise<void> {
    this.#closed = true
    const running = [...this.#fills.values()]
    for (const { fill } of running) fill.abort()
    await Promise.all(running.map(({ ended }) => ended))
  }
}
