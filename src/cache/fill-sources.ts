import type { SourceStep } from '../model/source-step.ts'
import { SourceRace, type Entrant, type FillBody, type FillSource } from './source-race.ts'

/** Where one fill may get its bytes: its first source, and those that clients joining it from elsewhere brought along. */
export class FillSources {
  readonly #entrants = new Map<string, Entrant>()
  #race: SourceRace | undefined
  /** Who gave the last body. */
  #last: Entrant | undefined

  /** Whether there is one that was never asked. */
  get hasUnasked(): boolean {
    return [...this.#entrants.values()].some(({ asked }) => asked === 0)
  }

  /** How many hosts there are in all. */
  get places(): number {
    return [...this.#entrants.values()].reduce((sum, { open }) => sum + (open.places ?? 1), 0)
  }

  /** Adds a source, unless there is one of this origin: at any time, also while a body is being opened. */
  add(origin: string, open: FillSource): void {
    if (this.#entrants.has(origin)) return
    this.#entrants.set(origin, { open, asked: 0 })
    this.#race?.sourceAdded()
  }

  /**
   * Opens a body, at one source if that answers soon. The next call begins with another one, where there is one.
   * @param onStep told of every request that this takes
   * @throws PinyonError when every source failed
   */
  async open(signal: AbortSignal, onStep?: (step: SourceStep) => void): Promise<FillBody> {
    const tried = new Set<Entrant>()
    const race = new SourceRace(signal, () => this.#take(tried), onStep)
    this.#race = race
    try {
      const { winner, body } = await race.run()
      this.#last = winner
      return body
    } finally {
      this.#race = undefined
    }
  }

  /**
   * The source to ask next: one asked less often before others, then who gave the last body, which was not good, and at the end those of
   * which every host was asked.
   */
  #take(tried: Set<Entrant>): Entrant | undefined {
    const rank = (entrant: Entrant) => {
      if (entrant.asked >= (entrant.open.places ?? 1))
        return 2e6 + (entrant === this.#last ? 1e6 : entrant.asked)
      return entrant === this.#last ? 1e6 : entrant.asked
    }
    let next: Entrant | undefined
    for (const entrant of this.#entrants.values()) {
      if (!tried.has(entrant) && (next === undefined || rank(entrant) < rank(next))) next = entrant
    }
    if (next !== undefined) tried.add(next)
    return next
  }
}
