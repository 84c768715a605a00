import { setTimeout as sleep } from 'node:timers/promises'

import { PinyonError, toPinyonError } from '../model/errors.ts'
import { isTemplate } from '../model/url-template.ts'
import { Connections, type ConnectionOptions } from './connections.ts'
import { splitCredentials } from './credentials.ts'
import { race } from './race.ts'
import { SourceHealth } from './source-health.ts'
import type { SourceReply, SourceRequest } from './source-request.ts'
import { getFrom } from './source.ts'
import { nameFallback } from './fallback-url.ts'
import { SplicedBody, type BodyPart } from './splice.ts'
import type { SourceReport, Upstream, UpstreamReply, UpstreamRequest } from './upstream.ts'

/** A mirror's sources and how to treat them; the words are yum's. */
export interface UpstreamOptions extends ConnectionOptions {
  /** Each ends in a slash, or is a template of a package's URL; asked in this order. */
  readonly baseurls: readonly string[]
  readonly timeoutMs: number
  /** Rounds over the sources after the first one. */
  readonly retries: number
  readonly userAgent: string
  /** Refuse to be sent from https to http: for what nothing but the connection vouches for. */
  readonly staysSecure?: boolean
  /** Waits between two rounds; by a timer unless told. Rejects with the signal's reason when that is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** Milliseconds of a clock that only goes forward; the process's own unless told. */
  readonly now?: () => number
}

/** The pause before the second round, doubled for each further one, in milliseconds. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** A source that has not answered for so long gets a rival, one that is only tried again sooner, in milliseconds. */
const HEAD_START_MS = 5_000
const PROBE_HEAD_START_MS = 1_000
/** How long a client waits for another one's attempt at a source that was down, in milliseconds. */
const PROBE_WAIT_MS = 2_000
/** Answers that say of a server that it is in trouble, and of a file nothing. */
const OVERLOADED = new Set([429, 500, 502, 503, 504])

/** One base URL. */
interface Source {
  /** As it is named outside: the database included, nobody gets to see its credentials. */
  readonly baseurl: string
  readonly url: string
  readonly health: SourceHealth
}

type Answer = SourceReply & { readonly source: Source }

/** The sources of one mirror. */
export class MirrorUpstream implements Upstream {
  readonly #options: UpstreamOptions
  readonly #sources: readonly Source[]
  readonly #connections: Connections
  readonly #now: () => number

  /** Does no I/O. */
  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    const byName = new Map(options.baseurls.map((url) => [nameSource(url), url]))
    this.#sources = [...byName].map(([baseurl, url]) => this.#createSource(baseurl, url))
    this.#connections = new Connections(options)
  }

  get baseurls(): readonly string[] {
    return this.#sources.map(({ baseurl }) => baseurl)
  }

  /** How each source is. */
  get health(): readonly SourceReport[] {
    return this.#sources.map(({ baseurl, health }) => {
      const { state, failures, error } = health.state
      return { baseurl, state, failures, retryInMs: Math.ceil(health.remainingMs), error }
    })
  }

  async get(href: string, request: UpstreamRequest = {}): Promise<UpstreamReply> {
    const sources = this.#select(request)
    const answer = await this.#ask(href, sources, request)
    const { status, validators, source } = answer
    const body = status === 304 ? answer.body : this.#splice(href, sources, request, answer)
    return { status, baseurl: source.baseurl, validators, body }
  }

  /** What is wrong with what the mirror shows of itself, for people; undefined when nothing is. */
  get identityProblem(): string | undefined {
    return this.#connections.identityProblem
  }

  async close(): Promise<void> {
    await this.#connections.close()
  }

  #createSource(baseurl: string, url = baseurl): Source {
    return { baseurl, url, health: new SourceHealth(this.#now) }
  }

  /** The sources of a request, in their order. */
  #select({ onlyBaseurl, firstBaseurl = 0 }: UpstreamRequest): readonly Source[] {
    const all = this.#sources
    if (onlyBaseurl !== undefined) {
      const known = all.find(({ baseurl }) => baseurl === onlyBaseurl)
      return [known ?? this.#createSource(onlyBaseurl)]
    }
    const first = firstBaseurl % Math.max(1, all.length)
    return [...all.slice(first), ...all.slice(0, first)]
  }

  /** Asks sources, round after round, until one answers. @param rest the part that is wanted, of the answer that began the file */
  async #ask(
    href: string,
    sources: readonly Source[],
    request: UpstreamRequest,
    rest?: { readonly offset: number; readonly first: Answer },
  ): Promise<Answer> {
    const { trusted, doubted } = partByDoubt(sources, request)
    const left = new Set(trusted)
    const unlikely = [...doubted]
    let isLastResort = false
    let failure: PinyonError | undefined
    for (let round = 0; left.size > 0; round += 1) {
      for (const source of left) if (round > this.#retriesOf(source)) left.delete(source)
      if (left.size === 0) break
      if (round > 0) await this.#pause(round, request.signal)
      const candidates = await this.#order([...left], request)
      const run = async (source: Source, signal: AbortSignal) => {
        request.onAsk?.(source.baseurl)
        try {
          const answer = await this.#askSource(source, href, toSourceRequest(source, request, signal, rest))
          if (rest === undefined) refuseOther(answer, href, request, sources.length > 1 && !isLastResort)
          return answer
        } catch (error) {
          const caught = toPinyonError(error)
          if (caught.kind.source === 'upstream' && !signal.aborted)
            request.onRefusal?.(source.baseurl, caught)
          // Trouble says more than absence, as a file may still be where nobody answered; our own says most.
          if (
            failure?.kind.source !== 'internal' &&
            (failure === undefined || caught.code !== 'UPSTREAM_GONE')
          )
            failure = caught
          if (!caught.kind.retryable) left.delete(source)
          if (caught.code === 'UPSTREAM_OTHER') unlikely.push(source)
          throw caught
        }
      }
      const options = { run, headStartMs, discard, signal: request.signal }
      const answer = await race(candidates, options)
      if (answer !== undefined) return answer
      // Nobody else has it: who announced a wrong length, or gave other bytes before, may have it all the same.
      isLastResort = true
      const last = await race(unlikely.splice(0), options)
      if (last !== undefined) return last
      if (failure !== undefined && failure.kind.source !== 'upstream') throw failure
    }
    throw failure ?? new PinyonError('UPSTREAM_UNREACHABLE', `no source is configured for: ${href}`)
  }

  /** One attempt at one source, which its health hears of. */
  async #askSource(source: Source, href: string, request: SourceRequest): Promise<Answer> {
    const { timeoutMs, pace, userAgent, staysSecure = false } = this.#options
    const { health } = source
    const askedAt = this.#now()
    const connections = this.#connections
    const host = connections.settingsOf(source.url)
    const minrate = host.minrate ?? pace?.minrate
    const http = {
      connections,
      timeoutMs: host.timeoutMs ?? timeoutMs,
      ...(minrate === undefined ? {} : { minrate }),
      userAgent,
      now: this.#now,
      staysSecure,
    }
    const asked = getFrom(source.url, href, request, http)
    if (health.isDown) health.startProbe(asked)
    try {
      const reply = await asked
      health.answered()
      if (reply.status === 304) health.delivered()
      return { ...reply, source, body: watch(reply.body, source) }
    } catch (error) {
      const caught = toPinyonError(error)
      if (request.signal?.aborted !== true) note(source, caught, href, askedAt)
      throw caught
    }
  }

  /**
   * Those that are well first, then those that are set aside, the next to be asked again before others. For a client nothing is asked that
   * is known to be down, but for one request to see whether it still is.
   * @throws PinyonError UPSTREAM_DOWN when nothing is left
   */
  async #order(
    sources: readonly Source[],
    { isAwaited, signal }: UpstreamRequest,
  ): Promise<readonly Source[]> {
    const ordered = sources.toSorted((a, b) => a.health.remainingMs - b.health.remainingMs)
    if (isAwaited !== true) return ordered
    const usable = ordered.filter(isWorthAsking)
    if (usable.length > 0) return usable
    const probes = sources.flatMap(({ health }) => health.probe ?? [])
    if (probes.length > 0) await Promise.race([...probes, this.#wait(PROBE_WAIT_MS, signal)])
    const back = ordered.filter(isWorthAsking)
    if (probes.length > 0 && back.length > 0) return back
    throw describeOutage(ordered)
  }

  #retriesOf(source: Source): number {
    return this.#connections.settingsOf(source.url).retries ?? this.#options.retries
  }

  /** A body that outlives its connection, and its source. */
  #splice(href: string, sources: readonly Source[], request: UpstreamRequest, first: Answer): SplicedBody {
    let current = first
    const others = () => sources.filter((one) => one !== current.source)
    const reopen = async (offset: number, signal: AbortSignal): Promise<BodyPart> => {
      // Others first; of one that was just found wanting its health makes the last.
      const rest = { offset, first }
      current = await this.#ask(href, [...others(), current.source], { ...request, signal }, rest)
      return current
    }
    return new SplicedBody(first.body, {
      size: request.size,
      reopen,
      onSlow: (message) => noteSlow(current.source, `${current.source.baseurl}${href} ${message}`),
      onJudged: (isRight) =>
        first.source.health.judged(isRight, `${first.source.baseurl}${href} has other bytes than listed`),
      pass: (bytes) => this.#connections.pass(current.source.url, bytes, request.signal),
      hasOthers: () => others().some(({ health }) => health.remainingMs === 0),
      now: this.#now,
      signal: request.signal,
    })
  }

  async #pause(round: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#wait(Math.min(FIRST_PAUSE_MS * 2 ** (round - 1), LONGEST_PAUSE_MS), signal)
  }

  async #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    await (this.#options.sleep ?? sleepFor)(ms, signal)
  }
}

/** Those that have given other bytes before stand back, unless all have. */
function partByDoubt(
  sources: readonly Source[],
  { doubted = [] }: UpstreamRequest,
): { readonly trusted: readonly Source[]; readonly doubted: readonly Source[] } {
  const trusted = sources.filter(({ baseurl }) => !doubted.includes(baseurl))
  if (trusted.length === 0) return { trusted: sources, doubted: [] }
  return { trusted, doubted: sources.filter((source) => !trusted.includes(source)) }
}

function headStartMs({ health }: Source): number {
  return health.state.failures > 0 ? PROBE_HEAD_START_MS : HEAD_START_MS
}

/** Whether a client's request may go there: unless it is down, and set aside or being tried by another one. */
function isWorthAsking({ health }: Source): boolean {
  return !health.isDown || (health.remainingMs === 0 && health.probe === undefined)
}

function toSourceRequest(
  { baseurl }: Source,
  { validators, size, values, isFresh = false }: UpstreamRequest,
  signal: AbortSignal,
  rest: { readonly offset: number; readonly first: Answer } | undefined,
): SourceRequest {
  const common = { signal, isFresh, ...(values === undefined ? {} : { values }) }
  if (rest === undefined) return validators?.baseurl === baseurl ? { ...common, validators } : common
  const { offset, first } = rest
  const fileSize = size ?? first.length
  if (offset === 0) return common
  const { etag } = first.validators
  return {
    ...common,
    rest: {
      offset,
      ...(fileSize === undefined ? {} : { size: fileSize }),
      ...(first.source.baseurl === baseurl && etag !== undefined ? { etag } : {}),
    },
  }
}

function note({ health }: Source, error: PinyonError, href: string, askedAt: number): void {
  const status = error.code === 'UPSTREAM_STATUS' ? (error.facts['status'] as number | undefined) : undefined
  const isTrouble = error.kind.retryable && (status === undefined || OVERLOADED.has(status))
  if (error.kind.source !== 'upstream' || error.facts['isOurs'] === true) return
  if (isTrouble) return health.refused(error, href, askedAt)
  health.answered()
  health.delivered()
}

/**
 * Refuses an answer that cannot be the listed file, before a byte of it is given on: a page instead of it, or, where there are others to
 * ask, a body of another length. A lone source may have announced a length wrongly, and have the rest.
 */
function refuseOther(answer: Answer, href: string, { size }: UpstreamRequest, hasOthers: boolean): void {
  const { length, isPage, source, status } = answer
  if (size === undefined || status === 304 || length === size) return
  const isOther = hasOthers && (isPage || length !== undefined)
  if (!isOther && !(isPage && length !== undefined)) return
  discard(answer)
  const what = length === undefined ? 'of unknown length' : `of ${length} bytes`
  const error = isPage
    ? new PinyonError(
        'UPSTREAM_PAGE',
        `${source.baseurl}${href} is a web page ${what}, not the file of: ${size} bytes`,
      )
    : new PinyonError(
        'UPSTREAM_OTHER',
        `${source.baseurl}${href} is listed with ${size} bytes, and was answered with one ${what}`,
      )
  source.health.judged(false, error.message)
  throw error
}

function noteSlow({ health }: Source, message: string): void {
  health.failed(new PinyonError('UPSTREAM_TIMEOUT', message))
}

/** A body whose end its source's health hears of. */
async function* watch(body: AsyncIterable<Uint8Array>, { health }: Source): AsyncIterable<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    const caught = toPinyonError(error)
    if (caught.kind.source === 'upstream') health.failed(caught)
    throw error
  }
  health.delivered()
}

function describeOutage(sources: readonly Source[]): PinyonError {
  const retryInMs = Math.min(...sources.map(({ health }) => health.remainingMs))
  const errors = new Set(sources.flatMap(({ health }) => health.state.error ?? []))
  const seconds = Math.max(1, Math.ceil(retryInMs / 1000))
  return new PinyonError(
    'UPSTREAM_DOWN',
    `upstream has been down for a while, and is asked again in ${seconds} s: ${[...errors].join('; ')}`,
    { retryAfterSeconds: seconds },
  )
}

/** Gives up an answer that came too late; its signal is aborted already, which frees its connection. */
function discard({ body }: Answer): void {
  Promise.resolve(body[Symbol.asyncIterator]().return?.()).catch(() => undefined)
}

/** A URL's parser would escape a template's braces. */
function nameSource(baseurl: string): string {
  return isTemplate(baseurl) ? nameFallback(baseurl) : splitCredentials(baseurl).url
}

async function sleepFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    // A timer ends with an AbortError of its own.
    signal?.throwIfAborted()
    throw error
  }
}
