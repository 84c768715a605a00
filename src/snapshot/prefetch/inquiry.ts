import type { ErrorCode, PinyonError } from '../../model/errors.ts'

type Answer = 'gone' | 'other bytes' | 'trouble'

/** What a source said that is not the file, in words. */
const WORDS: Readonly<Record<Answer, string>> = {
  gone: 'has it not',
  'other bytes': 'has other bytes',
  trouble: 'could not be asked',
}
const REFUSALS: ReadonlyMap<ErrorCode, Answer> = new Map([
  ['UPSTREAM_GONE', 'gone'],
  ['UPSTREAM_OTHER', 'other bytes'],
])
/** As many sources as are worth naming. */
const MAX_NAMED = 6

/** What the sources of a package say while one fill of it asks them, whoever waits for it. */
export class Inquiry {
  readonly #answers = new Map<string, Answer>()
  readonly #places: ReadonlySet<string>
  /** Whether a client waits: then nothing holds its bytes up. */
  isUrgent = false
  /** Those who read the fill. */
  readers = 0
  /** What it came to for all of them, once it has failed. */
  verdict: Promise<PinyonError> | undefined

  /** @param places every source there is, by its URL without credentials */
  constructor(places: readonly string[]) {
    this.#places = new Set(places)
  }

  /** A source did not give a body. */
  refused(place: string, error: PinyonError): void {
    this.#answers.set(place, REFUSALS.get(error.code) ?? 'trouble')
  }

  /** A source gave a body: to its end, or not. That this says anything, a fill that fails tells. */
  gave(place: string, isWhole: boolean): void {
    this.#answers.set(place, isWhole ? 'other bytes' : 'trouble')
  }

  /** Whether every source was asked and has not got the file: no trouble, nobody left out. */
  get isConclusive(): boolean {
    return (
      this.#places.size > 0 && [...this.#places].every((place) => this.#isFinal(this.#answers.get(place)))
    )
  }

  /** What each of the sources said, in words. */
  get answers(): string {
    const all = [...this.#places].map((place) => `${place} ${WORDS[this.#answers.get(place) ?? 'trouble']}`)
    const rest = all.length - MAX_NAMED
    return rest > 0 ? `${all.slice(0, MAX_NAMED).join(', ')} and ${rest} more` : all.join(', ')
  }

  #isFinal(answer: Answer | undefined): boolean {
    return answer === 'gone' || answer === 'other bytes'
  }
}
