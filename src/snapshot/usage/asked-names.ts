import { ASKED_PRECISION_MS } from '../../model/prefetch.ts'
import type { AskedName } from './usage.ts'

/** Names that are remembered as stored, over all mirrors: some 10 MB. */
const MAX_REMEMBERED = 100_000

/** Which package names mirrors are asked for, each stored once in {@link ASKED_PRECISION_MS} at most. One that was lately costs a request a look-up and no more. */
export class AskedNames {
  /** When each name was noted last, by mirror. */
  #noted = new Map<number, Map<string, number>>()
  #count = 0
  #waiting: AskedName[] = []

  /** A package of this name was asked for. */
  note(mirrorId: number, name: string, nowMs: number): void {
    const names = this.#noted.get(mirrorId) ?? this.#addMirror(mirrorId)
    const notedAt = names.get(name)
    if (notedAt !== undefined && Math.abs(nowMs - notedAt) < ASKED_PRECISION_MS) return
    if (notedAt === undefined) this.#count += 1
    if (this.#count > MAX_REMEMBERED) this.#forget()
    else names.set(name, nowMs)
    // What is not taken away is not added to for ever.
    if (this.#waiting.length < MAX_REMEMBERED) this.#waiting.push({ mirrorId, name, askedAt: nowMs })
  }

  /** What is to be stored; it is this caller's from now on. */
  take(): readonly AskedName[] {
    const taken = this.#waiting
    this.#waiting = []
    return taken
  }

  /** Gives back what could not be stored. */
  putBack(taken: readonly AskedName[]): void {
    this.#waiting = [...taken, ...this.#waiting].slice(0, MAX_REMEMBERED)
  }

  #addMirror(mirrorId: number): Map<string, number> {
    const names = new Map<string, number>()
    this.#noted.set(mirrorId, names)
    return names
  }

  #forget(): void {
    this.#noted = new Map()
    this.#count = 0
  }
}
