import { toPinyonError, type PinyonError } from '../model/errors.ts'
import type { SourceStep } from '../model/source-step.ts'
import { abortWith } from '../system/abort-with.ts'

/** A blob's bytes as they come. */
export interface FillBody extends AsyncIterable<Uint8Array> {
  /** Told whether all of them were right, once that is known. */
  judge?(isRight: boolean): void
}

/**
 * Opens the body of a blob at its source; does its own choosing of hosts and its own retries until a body begins. `attempt` counts
 * the calls of this source by one fill, from 0. The signal ends the body as well. It is told of every request that this takes.
 */
export interface FillSource {
  (attempt: number, signal: AbortSignal, onStep?: (step: SourceStep) => void): Promise<FillBody>
  /** How many hosts it chooses from: after wrong bytes each is worth an attempt. One unless told. */
  readonly places?: number
}

/** A source that can be asked for a body. */
export interface Entrant {
  readonly open: FillSource
  /** How often it was asked. */
  asked: number
}

/** What a race ends with. */
export interface RaceResult {
  readonly winner: Entrant
  readonly body: FillBody
}

/**
 * How long a source may take to give a body before another one is asked beside it, in milliseconds: well within the 25 s after which
 * a client is told that nothing came.
 */
const HEDGE_MS = 5_000

/**
 * Opens one body: at the first source, and at a further one whenever the last one asked fails or is late. The first body wins; the
 * other sources are aborted.
 */
export class SourceRace {
  readonly #signal: AbortSignal
  readonly #next: () => Entrant | undefined
  readonly #onStep: (step: SourceStep) => void
  readonly #result = Promise.withResolvers<RaceResult>()
  readonly #running = new Set<AbortController>()
  #hedge: NodeJS.Timeout | undefined
  #failure: PinyonError | undefined
  /** Whether a further source would have been asked, had there been one. */
  #wanting = false
  #ended = false

  /**
   * @param signal stops all sources, and the winner's body
   * @param next takes the next source to ask, each once; undefined while there is none
   * @param onStep told of every request that this takes
   */
  constructor(
    signal: AbortSignal,
    next: () => Entrant | undefined,
    onStep: (step: SourceStep) => void = () => undefined,
  ) {
    this.#signal = signal
    this.#next = next
    this.#onStep = onStep
  }

  /**
   * Runs the race; call it once.
   * @throws PinyonError the last trouble, when every source failed; that nobody has the file only when there was no other
   */
  async run(): Promise<RaceResult> {
    this.#signal.throwIfAborted()
    this.#askNext()
    return await this.#result.promise
  }

  /** Tells that `next` has a further source. */
  sourceAdded(): void {
    if (this.#wanting) this.#askNext()
  }

  #askNext(): void {
    if (this.#ended) return
    const entrant = this.#signal.aborted ? undefined : this.#next()
    this.#wanting = entrant === undefined
    clearTimeout(this.#hedge)
    if (entrant !== undefined) {
      this.#hedge = setTimeout(() => this.#askNext(), HEDGE_MS)
      void this.#ask(entrant)
    } else if (this.#running.size === 0) {
      this.#end(() => this.#result.reject(this.#failure ?? this.#signal.reason))
    }
  }

  /** Never rejects. */
  async #ask(entrant: Entrant): Promise<void> {
    const abort = abortWith(this.#signal)
    this.#running.add(abort)
    try {
      const attempt = entrant.asked
      entrant.asked += 1
      const body = await entrant.open(attempt, abort.signal, this.#onStep)
      this.#running.delete(abort)
      if (this.#ended) discardBody(body)
      else this.#end(() => this.#result.resolve({ winner: entrant, body }))
    } catch (error) {
      this.#running.delete(abort)
      const failure = toPinyonError(error)
      // Trouble says more than absence: the file may still be where nobody answered.
      if (this.#failure === undefined || failure.kind.outcome !== 'lost') this.#failure = failure
      this.#askNext()
    }
  }

  #end(settle: () => void): void {
    this.#ended = true
    clearTimeout(this.#hedge)
    for (const abort of this.#running) abort.abort()
    settle()
  }
}

/** Gives up a body that nobody reads; its signal is aborted already, which frees its connection. */
export function discardBody(body: FillBody): void {
  Promise.resolve(body[Symbol.asyncIterator]().return?.()).catch(() => undefined)
}
