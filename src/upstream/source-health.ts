import type { PinyonError } from '../model/errors.ts'
import { OwnRest, type HostRest } from './rests.ts'

/** A source that fails is set aside for this long, doubled with each further failure, in milliseconds. */
const FIRST_BACK_OFF_MS = 500
/** At most so long: that much later than the source is well again, everybody notices. */
const LONGEST_BACK_OFF_MS = 10_000
/** A source that has answered nothing so often, for so long, is down: before, a client is better served by trying again. */
const DOWN_FAILURES = 3
const DOWN_AFTER_MS = 5_000
/** That part of its back-off sooner a source that is down may be asked for what it has not failed with: that tells more. */
const OTHERS_SOONER = 0.2
/** So many files are remembered that it has failed with. */
const MAX_HREFS = 100

/** How a source is, for those who look after it. */
export interface SourceState {
  readonly state: 'ok' | 'set aside' | 'down'
  /** Failures since it last gave a whole answer. */
  readonly failures: number
  /** Whether it has answered nothing, or only that it cannot, since it last did. */
  readonly isSilent: boolean
  /** The last failure, or that for which its host wants to be left alone, or it is still set aside; undefined when it is well. */
  readonly error: string | undefined
}

/**
 * What is known of one source from how it has answered: a circuit breaker. One that fails is set aside, so that others are asked before
 * it; one that is down is only asked again when its back-off has passed, and then by one request, which all others wait for.
 */
export class SourceHealth {
  readonly #now: () => number
  #failures = 0
  /** How often in a row it was set aside. */
  #backOffs = 0
  #until = 0
  /** How much sooner it may be asked for other files. */
  #soonerMs = 0
  #error: string | undefined
  /** Whole bodies in a row that were not the listed ones, until when it is set aside for that, and for which: others may be right meanwhile. */
  #wrong = 0
  #wrongUntil = 0
  #wrongError: string | undefined
  /** Failures since the last answer, when the first of them was asked, and the files that they were about. */
  #unanswered = 0
  #unansweredSince = 0
  readonly #unansweredHrefs = new Set<string>()
  /** Whether one of them was that no server was there, rather than one that broke off or answered 5xx. */
  #isUnreachable = false
  #probe: Promise<unknown> | undefined
  /** Until when its host wants to be left alone. */
  readonly #rest: HostRest

  /**
   * @param now milliseconds of a clock that only goes forward
   * @param rest of its host, which other sources may share; its own unless told
   */
  constructor(now: () => number, rest: HostRest = new OwnRest()) {
    this.#now = now
    this.#rest = rest
  }

  /** Milliseconds until it is to be asked again; 0 when it is not set aside. */
  get remainingMs(): number {
    return Math.max(this.restingMs, this.#until - this.#now(), this.#wrongUntil - this.#now())
  }

  /** Milliseconds for which its host has said that it wants to be left alone, whoever asks (RFC 9110, section 10.2.3). */
  get restingMs(): number {
    return Math.max(0, (this.#rest.current?.untilMs ?? 0) - this.#now())
  }

  /** Milliseconds until a source that is down may be asked for a file. */
  remainingMsFor(href: string): number {
    const soonerMs = this.#unansweredHrefs.has(href) ? 0 : this.#soonerMs
    return Math.max(this.restingMs, this.#until - soonerMs - this.#now(), this.#wrongUntil - this.#now())
  }

  get isDown(): boolean {
    // One file that a server chokes on is no outage.
    const isOutage = this.#isUnreachable || this.#unansweredHrefs.size > 1
    return (
      isOutage && this.#unanswered >= DOWN_FAILURES && this.#now() - this.#unansweredSince >= DOWN_AFTER_MS
    )
  }

  /** The request that finds out whether a source that is down is well again, while it runs. */
  get probe(): Promise<unknown> | undefined {
    return this.#probe
  }

  get state(): SourceState {
    const state = this.isDown ? 'down' : this.remainingMs > 0 ? 'set aside' : 'ok'
    const failures = this.#failures + this.#wrong
    const resting = this.restingMs > 0 ? this.#rest.current?.reason : undefined
    const error = this.#error ?? resting ?? (state === 'ok' ? undefined : this.#wrongError)
    return { state, failures, isSilent: this.#unanswered > 0, error }
  }

  /** Makes a request the probe, as long as it runs. */
  startProbe(request: Promise<unknown>): void {
    const ended = request.then(
      () => undefined,
      () => undefined,
    )
    this.#probe = ended
    void ended.then(() => (this.#probe = undefined))
  }

  /** It has answered: whatever that is, it is there. */
  answered(): void {
    this.#unanswered = 0
    this.#unansweredHrefs.clear()
    this.#isUnreachable = false
  }

  /** It has given a whole body, or what needs none. */
  delivered(): void {
    this.#failures = 0
    this.#backOffs = 0
    this.#until = 0
    if (this.#wrong === 0) this.#error = undefined
  }

  /** What it gave whole was right, or was not what is listed: whoever knows the digest says so. */
  judged(isRight: boolean, message = ''): void {
    this.#wrong = isRight ? 0 : this.#wrong + 1
    if (isRight) {
      if (this.#failures === 0) this.#error = undefined
      return
    }
    this.#error = message
    this.#wrongError = message
    this.#wrongUntil = this.#now() + backOffMs(this.#wrong - 1)
  }

  /** It has not answered, or not with what it should have. @param askedAt when it was asked */
  refused(error: PinyonError, href: string, askedAt: number): void {
    if (this.#unanswered === 0) this.#unansweredSince = askedAt
    this.#unanswered += 1
    this.#isUnreachable ||= error.code !== 'UPSTREAM_STATUS' && error.facts['wasReached'] !== true
    if (this.#unansweredHrefs.size < MAX_HREFS) this.#unansweredHrefs.add(href)
    this.failed(error)
  }

  /** It is in trouble: it did not answer, broke off, or sends too slowly. */
  failed(error: PinyonError): void {
    this.#failures += 1
    this.#error = error.message
    const { retryAfterMs } = error.facts
    if (typeof retryAfterMs === 'number')
      this.#rest.begin({ untilMs: this.#now() + retryAfterMs, reason: error.message })
    // What was asked before it was set aside tells nothing new; what was asked a little sooner than it was to be, does.
    if (this.remainingMs > this.#soonerMs) return
    const forMs = backOffMs(this.#backOffs)
    this.#until = this.#now() + forMs
    this.#soonerMs = OTHERS_SOONER * forMs
    this.#backOffs += 1
  }
}

function backOffMs(before: number): number {
  return Math.min(FIRST_BACK_OFF_MS * 2 ** before, LONGEST_BACK_OFF_MS)
}
