import { hash } from 'node:crypto'

import { PinyonError } from './errors.ts'

/** Up to so many members a sketch counts exactly; beyond, with a standard error of 4.6 %. */
export const EXACT_MEMBERS = 128

/** 2^INDEX_BITS registers; the remaining bits of a hash give a register's value. */
const INDEX_BITS = 9
const REGISTERS = 1 << INDEX_BITS
const MAX_RANK = 32 - INDEX_BITS + 1

/** The first byte of a stored sketch: what follows. */
const HASHES = 0
const RANKS = 1

/**
 * 32 bits that stand for a member in sketches. The seed is a secret of those whose sketches are to be merged: without it nobody can
 * choose members which make a count what it is not.
 */
export function hashMember(seed: string, member: string): number {
  return hash('sha1', `${seed} ${member}`, 'buffer').readUInt32BE(0)
}

/**
 * How many distinct members there were, in at most 513 bytes however many that is: the hashes themselves while they are few, then a
 * HyperLogLog. The sketch of a union is the merge of the sketches.
 */
export class Sketch {
  #hashes: Set<number> | undefined = new Set()
  #ranks = new Uint8Array(0)

  /** Reads what {@link toBytes} wrote. Throws STORE_FAILED for anything else. */
  static from(bytes: Uint8Array): Sketch {
    const sketch = new Sketch()
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).subarray(1)
    if (bytes[0] === RANKS && body.length === REGISTERS) {
      sketch.#hashes = undefined
      sketch.#ranks = Uint8Array.from(body)
    } else if (bytes[0] === HASHES && body.length % 4 === 0 && body.length <= EXACT_MEMBERS * 4)
      for (let at = 0; at < body.length; at += 4) sketch.add(body.readUInt32BE(at))
    else throw new PinyonError('STORE_FAILED', `a sketch cannot be read, bytes: ${bytes.length}`)
    return sketch
  }

  /** Adds a member by its {@link hashMember}. */
  add(hash: number): void {
    if (this.#hashes === undefined) return this.#raise(hash >>> (32 - INDEX_BITS), rankOf(hash))
    this.#hashes.add(hash)
    if (this.#hashes.size > EXACT_MEMBERS) this.#dissolve(this.#hashes)
  }

  /** Adds all members of another. */
  merge(other: Sketch): void {
    if (other.#hashes !== undefined) {
      for (const hash of other.#hashes) this.add(hash)
      return
    }
    if (this.#hashes !== undefined) this.#dissolve(this.#hashes)
    for (const [index, rank] of other.#ranks.entries()) this.#raise(index, rank)
  }

  /** About how many members it has. */
  count(): number {
    return this.#hashes?.size ?? Math.round(estimate(this.#ranks))
  }

  /** The same members give the same bytes. */
  toBytes(): Buffer {
    if (this.#hashes === undefined) return Buffer.from([RANKS, ...this.#ranks])
    const bytes = Buffer.alloc(1 + this.#hashes.size * 4, HASHES)
    const hashes = [...this.#hashes].toSorted((a, b) => a - b)
    for (const [index, hash] of hashes.entries()) bytes.writeUInt32BE(hash, 1 + index * 4)
    return bytes
  }

  #dissolve(hashes: ReadonlySet<number>): void {
    this.#hashes = undefined
    this.#ranks = new Uint8Array(REGISTERS)
    for (const hash of hashes) this.add(hash)
  }

  #raise(index: number, rank: number): void {
    if ((this.#ranks[index] ?? 0) < rank) this.#ranks[index] = rank
  }
}

/** The place of the first 1 among the bits that choose no register. */
function rankOf(hash: number): number {
  return Math.min(Math.clz32(hash << INDEX_BITS) + 1, MAX_RANK)
}

/** Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017): one formula without bias for all sizes. */
function estimate(ranks: Uint8Array): number {
  const counts = Array.from({ length: MAX_RANK + 1 }, () => 0)
  for (const rank of ranks) counts[rank] = (counts[rank] ?? 0) + 1
  const share = (rank: number) => (counts[rank] ?? 0) / REGISTERS
  let z = REGISTERS * tau(1 - share(MAX_RANK))
  for (let rank = MAX_RANK - 1; rank >= 1; rank -= 1) z = (z + (counts[rank] ?? 0)) / 2
  z += REGISTERS * sigma(share(0))
  return (REGISTERS * REGISTERS) / (2 * Math.LN2 * z)
}

function sigma(share: number): number {
  let [x, y, z] = [share, 1, share]
  for (let before = -1; z !== before;) {
    before = z
    x *= x
    z += x * y
    y += y
  }
  return z
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let [x, y, z] = [share, 1, 1 - share]
  for (let before = -1; z !== before;) {
    before = z
    x = Math.sqrt(x)
    y /= 2
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}
