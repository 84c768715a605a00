import type { SourceStep } from '../model/source-step.ts'
import { abortWith } from '../system/abort-with.ts'
import type { FillSources } from './fill-sources.ts'
import { discardBody, type FillBody } from './source-race.ts'

/** A body that is asked for while the file is made that it goes into. */
export class FillOpening {
  readonly #sources: FillSources
  readonly #onStep: (step: SourceStep) => void
  readonly #stop: AbortController
  #asking: Promise<FillBody> | undefined
  #isTaken = false

  /** @param onStep told of every request that this takes */
  constructor(sources: FillSources, signal: AbortSignal, onStep: (step: SourceStep) => void) {
    this.#sources = sources
    this.#onStep = onStep
    this.#stop = abortWith(signal)
  }

  /** Asks for it, unless that is done already. */
  begin(): void {
    if (this.#asking !== undefined) return
    this.#asking = this.#sources.open(this.#stop.signal, this.#onStep)
    // Whoever takes the body is told; until then it may be given up.
    this.#asking.catch(() => undefined)
  }

  /**
   * The body, which is then its taker's to end.
   * @throws PinyonError when every source failed
   */
  async take(): Promise<FillBody> {
    this.begin()
    const body = await (this.#asking as Promise<FillBody>)
    this.#isTaken = true
    return body
  }

  /** Breaks off what nobody has taken. */
  end(): void {
    if (this.#isTaken) return
    this.#stop.abort()
    this.#asking?.then(discardBody).catch(() => undefined)
  }
}
