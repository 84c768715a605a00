import type { PinyonError } from '../model/errors.ts'
import type { SourceStep } from '../model/source-step.ts'
import type { Source } from './source-list.ts'
import type { SourceReply, SourceRequest } from './source-request.ts'

/** Hears what a mirror's sources are asked for, and what comes of it. */
export interface UpstreamWatch {
  answered(result: 'ok' | 'unchanged'): void
  /** @param wasAnswered whether it had answered before, and its body broke off */
  failed(error: PinyonError, wasAnswered: boolean): void
  /** Bytes of a body have come. */
  received(bytes: number): void
}

/** One request of a source, as those hear of it who count requests, and who tell the story of the file. */
export class WatchedRequest {
  readonly #step: SourceStep
  readonly #watch: UpstreamWatch | undefined
  readonly #now: () => number
  readonly #askedAt: number

  /** @param now milliseconds of a clock that only goes forward */
  constructor(
    { baseurl }: Source,
    { rest, onStep }: SourceRequest,
    { watch, now }: { readonly watch: UpstreamWatch | undefined; readonly now: () => number },
  ) {
    this.#step = { source: baseurl, from: rest?.offset ?? 0, bytes: 0 }
    this.#watch = watch
    this.#now = now
    this.#askedAt = now()
    onStep?.(this.#step)
  }

  /** Milliseconds since it was asked. */
  get #sinceMs(): number {
    return Math.round(this.#now() - this.#askedAt)
  }

  answered({ status, offset }: SourceReply): void {
    const isHttp = !this.#step.source.startsWith('file:')
    if (isHttp) this.#step.status = offset > 0 ? 206 : status
    this.#step.answeredMs = this.#sinceMs
    this.#watch?.answered(status === 304 ? 'unchanged' : 'ok')
  }

  /** It gave no answer that counts. */
  refused(error: PinyonError, isOurs: boolean): void {
    const { status } = error.facts
    if (typeof status === 'number') this.#step.status = status
    this.#step.why = isOurs ? 'given up: it was not needed any more' : error.message
    this.#step.ms = this.#sinceMs
    if (!isOurs) this.#watch?.failed(error, false)
  }

  received(bytes: number): void {
    this.#step.bytes += bytes
    this.#watch?.received(bytes)
  }

  /** Its body has ended: whole, by an error, or because nobody reads on. */
  ended(error: PinyonError | undefined): void {
    this.#step.ms = this.#sinceMs
    if (error === undefined) return
    this.#step.why = error.message
    if (error.kind.source === 'upstream') this.#watch?.failed(error, true)
  }
}
