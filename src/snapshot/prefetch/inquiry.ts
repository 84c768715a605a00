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
  /** Places that were asked, in their order, and how each refused. */
  readonly #asked = new Map<string, string | undefined>()
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

  /** A source is being asked. */
  ask(place: string): void {
    if (!this.#asked.has(place)) this.#asked.set(place, undefined)
  }

  /** A source did not give a body. */
  refused(place: string, error: PinyonError): void {
    this.#asked.set(place, error.message)
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

  /** Those that gave other bytes. */
  get doubted(): readonly string[] {
    return [...this.#answers].filter(([, answer]) => answer === 'other bytes').map(([place]) => place)
  }

  /** What each of those that were asked has come to so far. */
  get progress(): string {
    const all = [...this.#asked].map(([place, refusal]) => refusal ?? `${place} has not sent it yet`)
    return this.#asked.size === 0 ? 'no source was asked yet' : join(all, '; ')
  }

  /** What went wrong at others than the one whose trouble this is. */
  others(error: PinyonError): string {
    const all = [...this.#asked.values()].filter(
      (refusal) => refusal !== undefined && !error.message.includes(refusal),
    )
    return join(all, '; ')
  }

  /** What each of the sources said, in words. */
  get answers(): string {
    const all = [...this.#places].map((place) => `${place} ${WORDS[this.#answers.get(place) ?? 'trouble']}`)
    return join(all, ', ')
  }

  #isFinal(answer: Answer | undefined): boolean {
    return answer === 'gone' || answer === 'other bytes'
  }
}

function join(all: readonly (string | undefined)[], separator: string): string {
  const rest = all.length - MAX_NAMED
  return rest > 0 ? `${all.slice(0, MAX_NAMED).join(separator)} and ${rest} more` : all.join(separator)
}
