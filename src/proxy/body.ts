import type { ReadableBytes } from '../cache/blob-store.ts'
import type { LentBytes } from '../cache/lent-piece.ts'
import type { FileOutcome } from './reply.ts'

/** An open body: of a blob that is there, or of one that is just coming. */
export interface Body extends ReadableBytes {
  readonly outcome: FileOutcome
  /** All of it, when it is in memory. */
  readonly bytes?: Buffer | undefined
  /** Bytes; undefined while neither the listing nor a finished fill says. */
  readonly size: number | undefined
  /** Whether it can only be read from its start on, once: then no ranges of it can be sent. */
  readonly isSequential?: boolean
  /** Whether the digest is known to be right. Until then the end of the body must be held back. */
  readonly complete: boolean
  /** How fast its bytes come; absent where they are there, or where what is held back cannot be read before the rest has come. */
  readonly bytesPerSecond?: () => number
  /** What is there from a position on, no more than so many bytes, waited for as by `read`, but as it lies in memory; undefined where it has to be read. */
  readonly lend?: (position: number, count: number) => Promise<LentBytes | undefined>
  /** What is being done to get its bytes, for whoever has waited long enough. */
  readonly progress?: () => string
  /** Resolves with the size once the digest is known to be right; throws when it will never be. */
  verified(): Promise<number>
  release(): void
}
