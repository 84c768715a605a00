import { randomInt } from 'node:crypto'

import type { Digest } from '../../model/digest.ts'
import { NO_BLOBS, type BlobSum } from './gc-report.ts'

/** A blob that may go. */
export interface Removable {
  readonly digest: Digest
  readonly size: number
  readonly usedAt: number
}

/** What a blob is for, as bits: a snapshot that is there lists it. */
export const LISTED = 1
/** Upstream has it still, so that it could be fetched again. */
export const FETCHABLE = 2
/** It is a snapshot's metadata. */
export const REPODATA = 4

const COMMA = 0x2c
const COLON = 0x3a
const SPACE = 0x20
const ZERO = 0x30
const PLUS = 0x2b

/** Of a blob that is not of one holder alone. */
const SEVERAL = -1

/** Where a blob's digest stands. */
interface Place {
  readonly page: Buffer
  readonly start: number
  readonly end: number
}

/**
 * All blobs and what each is for, found by digest. Rows come from SQLite by the ten thousand in one value, and stay the bytes that they
 * are: half a million strings would take four times as long, and several times the memory.
 */
export class BlobTable {
  readonly #pages: Buffer[] = []
  /** Of each blob: its page, where its digest begins and ends in it, its size and when it was used, and what it is for. */
  readonly #page: Int32Array
  readonly #start: Int32Array
  readonly #end: Int32Array
  readonly #size: Float64Array
  readonly #usedAt: Float64Array
  readonly #marks: Uint8Array
  /** Who holds each: 0 for nobody, or SEVERAL. There once somebody does. */
  #owners: Int32Array | undefined
  /** Open addressing: one more than the number of a blob, or 0. A power of two of them. */
  readonly #slots: Int32Array
  /** The lower so many bits of a hash are not of its slot's number: they are mixed the least. */
  readonly #shift: number
  /** Odd and secret, so that nobody who makes digests can make them meet. */
  readonly #seeds = [randomInt(2 ** 31) * 2 + 1, randomInt(2 ** 31) * 2 + 1] as const
  #count = 0

  /** @param capacity as many blobs as there are at the most */
  constructor(capacity: number) {
    this.#page = new Int32Array(capacity)
    this.#start = new Int32Array(capacity)
    this.#end = new Int32Array(capacity)
    this.#size = new Float64Array(capacity)
    this.#usedAt = new Float64Array(capacity)
    this.#marks = new Uint8Array(capacity)
    const bits = Math.ceil(Math.log2(capacity * 2 + 2))
    this.#slots = new Int32Array(2 ** bits)
    this.#shift = 32 - bits
  }

  /** Adds blobs. @param rows `<digest> <size> <used at>`, with commas between them */
  add(rows: Buffer): void {
    this.#pages.push(rows)
    for (let at = 0; at < rows.length; at += 1) {
      const number = this.#count
      const end = find(rows, SPACE, at)
      this.#page[number] = this.#pages.length - 1
      this.#start[number] = at
      this.#end[number] = end
      this.#slots[this.#slotOf(rows, at, end)] = number + 1
      this.#count += 1
      at = end + 1
      for (; rows[at] !== SPACE; at += 1) this.#size[number] = appendDigit(this.#size[number], rows[at])
      for (at += 1; at < rows.length && rows[at] !== COMMA; at += 1)
        this.#usedAt[number] = appendDigit(this.#usedAt[number], rows[at])
    }
  }

  /**
   * Notes what lists blobs; what is not stored is passed over.
   * @param rows `+<digest>` for what can be fetched again and `-<digest>` for what cannot, with commas between them
   */
  markListed(rows: Buffer, marks: number): void {
    for (let at = 0; at < rows.length;) {
      const end = find(rows, COMMA, at)
      const number = (this.#slots[this.#slotOf(rows, at + 1, end)] ?? 0) - 1
      if (number >= 0)
        this.#marks[number] = (this.#marks[number] ?? 0) | marks | (rows[at] === PLUS ? FETCHABLE : 0)
      at = end + 1
    }
  }

  /**
   * Notes who holds blobs; what is not stored is passed over.
   * @param rows as of {@link markListed}
   * @param holder from 1 on; 0 for others, beside whom nobody holds them alone
   */
  own(rows: Buffer, holder: number): void {
    this.#owners ??= new Int32Array(this.#page.length)
    for (let at = 0; at < rows.length;) {
      const end = find(rows, COMMA, at)
      const number = (this.#slots[this.#slotOf(rows, at + 1, end)] ?? 0) - 1
      at = end + 1
      if (number < 0) continue
      const before = this.#owners[number] ?? 0
      this.#owners[number] = holder > 0 && (before === 0 || before === holder) ? holder : SEVERAL
    }
  }

  /** The bytes that each holds alone, of those who do. */
  sumOwned(): ReadonlyMap<number, number> {
    const sums = new Map<number, number>()
    for (let number = 0; number < this.#count; number += 1) {
      const owner = this.#owners?.[number] ?? 0
      if (owner > 0) sums.set(owner, (sums.get(owner) ?? 0) + (this.#size[number] ?? 0))
    }
    return sums
  }

  /** How many there are of which this is so, and their bytes. */
  sum(is: (marks: number) => boolean): BlobSum {
    let { count, bytes } = NO_BLOBS
    for (let number = 0; number < this.#count; number += 1)
      if (is(this.#marks[number] ?? 0)) {
        count += 1
        bytes += this.#size[number] ?? 0
      }
    return { count, bytes }
  }

  /** Those of which this is so, in the order in which they were added. */
  pick(is: (marks: number, usedAt: number) => boolean): Removable[] {
    const picked: Removable[] = []
    for (let number = 0; number < this.#count; number += 1) {
      const usedAt = this.#usedAt[number] ?? 0
      if (!is(this.#marks[number] ?? 0, usedAt)) continue
      const { page, start, end } = this.#placeOf(number)
      const digest = page.toString('latin1', start, end) as Digest
      picked.push({ digest, size: this.#size[number] ?? 0, usedAt })
    }
    return picked
  }

  #placeOf(number: number): Place {
    const page = this.#pages[this.#page[number] ?? 0] as Buffer
    return { page, start: this.#start[number] ?? 0, end: this.#end[number] ?? 0 }
  }

  /** The slot of the blob with this digest, or the empty one where it would be. */
  #slotOf(bytes: Buffer, start: number, end: number): number {
    const mask = this.#slots.length - 1
    let slot = this.#hash(bytes, start) >>> this.#shift
    for (;;) {
      const number = (this.#slots[slot] ?? 0) - 1
      if (number < 0 || this.#isAt(number, bytes, start, end)) return slot
      slot = (slot + 1) & mask
    }
  }

  #isAt(number: number, bytes: Buffer, start: number, end: number): boolean {
    const place = this.#placeOf(number)
    if (place.end - place.start !== end - start) return false
    for (let at = end - 1, own = place.end - 1; at >= start; at -= 1, own -= 1)
      if (bytes[at] !== place.page[own]) return false
    return true
  }

  /** Of the first 16 hexadecimal digits, which all digests have. */
  #hash(bytes: Buffer, start: number): number {
    const hex = find(bytes, COLON, start) + 1
    const [first, second] = this.#seeds
    return (Math.imul(readHex(bytes, hex), first) + Math.imul(readHex(bytes, hex + 8), second)) | 0
  }
}

/** Where a byte stands next, or the end. Calling the buffer's own search takes longer than these few steps. */
function find(bytes: Buffer, byte: number, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at] !== byte) at += 1
  return at
}

function appendDigit(number = 0, digit = ZERO): number {
  return number * 10 + digit - ZERO
}

/** Eight lower-case hexadecimal digits as 32 bits. */
function readHex(bytes: Buffer, start: number): number {
  let number = 0
  for (let at = start; at < start + 8; at += 1) {
    const digit = bytes[at] ?? ZERO
    // 'a' is 0x61: its low bits are one more than nothing.
    number = (number << 4) | ((digit & 0xf) + (digit >> 6) * 9)
  }
  return number
}
