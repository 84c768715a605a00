/** What can be on a roster: it knows its own place there. */
export interface Listed {
  /** The roster's to set; undefined while it is on none. */
  place: number | undefined
}

/**
 * Who is there, where thousands come and go a second. A Set would do the same, but V8 makes a new table of it every few of them, to which the
 * old table points: once one of these has grown old, all that come after it outlive the young generation's collections, with what was in
 * them. Of connections for one request each that was a third of all garbage, moved again and again.
 */
export class Roster<T extends Listed> {
  /** Those that are there come first. */
  readonly #members: (T | undefined)[] = []
  #size = 0

  /** How many are there. */
  get size(): number {
    return this.#size
  }

  /** Adds one that is on no roster. */
  add(member: T): void {
    member.place = this.#size
    this.#members[this.#size] = member
    this.#size += 1
  }

  /** @returns false when it was not there */
  delete(member: T): boolean {
    const { place } = member
    if (place === undefined || this.#members[place] !== member) return false
    this.#size -= 1
    const last = this.#members[this.#size]
    this.#members[place] = last
    if (last !== undefined) last.place = place
    this.#members[this.#size] = undefined
    member.place = undefined
    return true
  }

  /** Those that are there now, in no order. */
  list(): T[] {
    return this.#members.slice(0, this.#size) as T[]
  }
}
