import { randomInt } from 'node:crypto'

/** Slots at first; there are always at least twice as many as hashes. */
const FEWEST_SLOTS = 1 << 12
const EMPTY = -1

/**
 * Hashes of 48 bits, 16 to 32 bytes each: of a Set every one of them is an object and an entry, for the garbage collector to copy while a large primary
 * is read. Where one lies differs from process to process, so that nobody can choose hrefs that all lie in one place.
 */
export class HashSet {
  #slots = new Float64Array(FEWEST_SLOTS).fill(EMPTY)
  #size = 0
  readonly #seed = 2 * randomInt(2 ** 31) + 1

  /** Adds one. @param hash a whole number from 0 to 2^53 @returns false when it was there before */
  add(hash: number): boolean {
    const at = this.#find(hash)
    if (this.#slots[at] === hash) return false
    this.#slots[at] = hash
    this.#size += 1
    if (2 * this.#size > this.#slots.length) this.#grow()
    return true
  }

  /** Where it lies, or would. */
  #find(hash: number): number {
    const slots = this.#slots
    const last = slots.length - 1
    // The lower half decides: of a hash all bits are as good.
    const mixed = Math.imul(hash, this.#seed)
    let at = (mixed ^ (mixed >>> 15)) & last
    while (slots[at] !== EMPTY && slots[at] !== hash) at = (at + 1) & last
    return at
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Float64Array(2 * before.length).fill(EMPTY)
    for (const hash of before) if (hash !== EMPTY) this.#slots[this.#find(hash)] = hash
  }
}
