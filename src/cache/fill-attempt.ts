import type { BlobWriter, PartialBlob, ReadableBytes } from './blob-store.ts'
import { LentPiece, type LentBytes, type Loans } from './lent-piece.ts'

const COMPARE_BYTES = 64 << 10

/** At least as many of the bytes that came last are in memory: more than are held back of an answer, so that its end waits for no disk. */
const RECENT_BYTES = 32 << 10

/** How far an attempt is known to hold the same bytes as an earlier one. */
interface Agreement {
  /** Bytes from the start that are the same, as far as both go. */
  bytes: number
  /** Whether the byte after them differs. */
  diverged: boolean
}

/**
 * One try at downloading a blob: bytes that grow. It is compared, as it grows, with every try before it, so that a reader in the
 * middle of the body knows whether it may go on with this one, whichever it began with.
 */
export class FillAttempt implements ReadableBytes {
  readonly #bytes: BlobWriter | PartialBlob
  readonly #loans: Loans
  readonly #agreements: ReadonlyMap<FillAttempt, Agreement>
  readonly #startedAt = performance.now()
  /** Bytes that can be read. */
  written = 0
  /** The pieces that came last, those included that are not in the file yet. */
  readonly #recent: LentPiece[] = []

  /**
   * @param loans of all fills
   * @param earlier attempts that readers may still be at; they grow no more and stay open as long as this one
   */
  constructor(bytes: BlobWriter | PartialBlob, loans: Loans, earlier: readonly FillAttempt[] = []) {
    this.#bytes = bytes
    this.#loans = loans
    this.#agreements = new Map(earlier.map((attempt) => [attempt, { bytes: 0, diverged: false }]))
  }

  /** How fast it has come so far. */
  get bytesPerSecond(): number {
    return (this.written * 1000) / Math.max(1, performance.now() - this.#startedAt)
  }

  /** Bytes from the start that are the same as an earlier attempt's. They grow as this one does. */
  agreedWith(earlier: FillAttempt): number {
    return this.#agreements.get(earlier)?.bytes ?? 0
  }

  /** Whether the byte after the agreed ones differs, so that they will never be more. */
  divergedFrom(earlier: FillAttempt): boolean {
    return this.#agreements.get(earlier)?.diverged ?? true
  }

  /** What is there, from the file and from memory: no less than wanted, where the file gives its part. */
  async read(target: Uint8Array, position: number): Promise<number> {
    const inFile = (this.#recent[0]?.from ?? Infinity) - position
    if (inFile <= 0) return this.#copyRecent(target, position)
    const count = await this.#bytes.read(target.subarray(0, inFile), position)
    // What was in memory before may be in the file alone by now.
    const goesOn = count === inFile && this.#recent[0]?.from === position + count
    return goesOn ? count + this.#copyRecent(target.subarray(count), position + count) : count
  }

  /** What is there from a position on, no more than so many bytes, as it lies in memory; undefined where it is in the file alone, or enough is lent. */
  lend(position: number, count: number): LentBytes | undefined {
    for (const piece of this.#recent) {
      const offset = position - piece.from
      if (offset < 0) return undefined
      if (offset < piece.bytes.length) return piece.lend(offset, count)
    }
    return undefined
  }

  /**
   * Has the bytes that come next read from memory, from now on, until they are written. They are the attempt's to give back.
   * @returns false where they have to be compared with earlier attempts first
   */
  receive(bytes: Uint8Array): boolean {
    if (this.#agreements.size > 0) return false
    this.#recent.push(new LentPiece(this.written, bytes, this.#loans))
    this.written += bytes.length
    this.#dropWritten()
    return true
  }

  /** Keeps in memory what is not in the file, and somewhat more. */
  #dropWritten(): void {
    const bytes = this.#bytes
    const inFile = typeof bytes.written === 'number' ? bytes.written : Infinity
    const end = Math.min(this.written - RECENT_BYTES, inFile)
    // The second one is where what is kept would begin.
    while ((this.#recent[1]?.from ?? Infinity) <= end) this.#dropOldest()
  }

  /** Takes note that bytes up to `written` are there. */
  async grow(written: number): Promise<void> {
    for (const [earlier, agreement] of this.#agreements) await this.#compare(earlier, agreement, written)
    this.written = written
  }

  /** Has all of it read from the file, which has it: a reader may stay for as long as its client does. */
  leaveMemory(): void {
    while (this.#recent.length > 0) this.#dropOldest()
  }

  async close(): Promise<void> {
    // They may be on their way into it.
    await this.#bytes.close().finally(() => this.leaveMemory())
  }

  #dropOldest(): void {
    this.#recent.shift()?.drop()
  }

  #copyRecent(target: Uint8Array, position: number): number {
    let count = 0
    for (const { from, bytes } of this.#recent) {
      const offset = position + count - from
      if (offset >= bytes.length) continue
      const piece = bytes.subarray(offset, offset + target.length - count)
      target.set(piece, count)
      count += piece.length
    }
    return count
  }

  /** Compares what came since the last call with an earlier attempt. */
  async #compare(earlier: FillAttempt, agreement: Agreement, written: number): Promise<void> {
    const end = Math.min(written, earlier.written)
    if (agreement.diverged || agreement.bytes >= end) return
    const size = Math.min(COMPARE_BYTES, end - agreement.bytes)
    const [theirs, mine] = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(size)]
    while (agreement.bytes < end) {
      const length = Math.min(size, end - agreement.bytes)
      const counts = await Promise.all([
        earlier.read(theirs.subarray(0, length), agreement.bytes),
        this.#bytes.read(mine.subarray(0, length), agreement.bytes),
      ])
      const count = Math.min(...counts)
      const common = commonPrefix(theirs, mine, count)
      agreement.bytes += common
      agreement.diverged = common < count || count === 0
      if (agreement.diverged) return
    }
  }
}

/** How many of the first `count` bytes are the same in both before one differs. */
function commonPrefix(a: Buffer, b: Buffer, count: number): number {
  if (a.compare(b, 0, count, 0, count) === 0) return count
  let same = 0
  while (same < count && a[same] === b[same]) same += 1
  return same
}
