import { setTimeout as sleep } from 'node:timers/promises'

import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { Reach } from '../model/reach.ts'
import { discard, refuseOther, refusePage, type Answer } from './answer.ts'
import { Connections, type ConnectionOptions } from './connections.ts'
import { MissingFiles } from './missing-files.ts'
import { note, noteOvertaken, noteSlow } from './note-trouble.ts'
import { race } from './race.ts'
import { SourceList, type Failovermethod, type Source } from './source-list.ts'
import type { SourceRequest } from './source-request.ts'
import { WatchedRequest, type UpstreamWatch } from './source-watch.ts'
import { getFrom } from './source.ts'
import { deliver, watchBody } from './watch-body.ts'
import { SplicedBody, type BodyPart } from './splice.ts'
import type { SourceReport, Upstream, UpstreamReply, UpstreamRequest } from './upstream.ts'

/** A mirror's sources and how to treat them; the words are yum's. */
export interface UpstreamOptions extends ConnectionOptions {
  /** Each ends in a slash, or is a template of a package's URL; asked in this order. */
  readonly baseurls: readonly string[]
  /** In which order; `priority` unless told. */
  readonly failovermethod?: Failovermethod
  /** Makes sure that sources are known, when none is. */
  readonly prepare?: () => Promise<void>
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
  /** Counts what is asked, and what comes of it; nobody does unless told. */
  readonly watch?: UpstreamWatch
}

/** The pause before the second round, doubled for each further one, in milliseconds. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** A source that has not answered for so long gets a rival; one that is tried again, or of a list and for the first time, sooner, in milliseconds. */
const HEAD_START_MS = 5_000
const PROBE_HEAD_START_MS = 1_000
/** How long a client waits for another one's attempt at a source that was down, in milliseconds. */
const PROBE_WAIT_MS = 2_000
/** A request waits so long for the end of a rest that sources want, a client's less, in milliseconds. */
const REST_WAIT_MS = 60_000
/** Sources that had not got a file are asked again when nobody else is left: so many of them. */
const MAX_ASKED_AGAIN = 3

/** The sources of one mirror. */
export class MirrorUpstream implements Upstream {
  readonly #options: UpstreamOptions
  readonly #sources: SourceList
  readonly #missing = new MissingFiles()
  readonly #connections: Connections
  readonly #now: () => number

  /** Does no I/O. */
  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#connections = new Connections(options)
    const { baseurls, failovermethod = 'priority' } = options
    this.#sources = new SourceList(baseurls, failovermethod, this.#now, (host) =>
      this.#connections.restOf(host),
    )
  }

  get baseurls(): readonly string[] {
    return this.#sources.all.map(({ baseurl }) => baseurl)
  }

  /** How each source is, in the order in which they are asked. */
  get health(): readonly SourceReport[] {
    return this.#sources.all.map((source) => {
      const { baseurl, health, pace } = source
      const { state, failures, isSilent, error } = health.state
      const retryInMs = Math.ceil(health.remainingMs)
      const isListed = this.#sources.isListed(source)
      const isResting = health.restingMs > 0
      return { baseurl, state, failures, retryInMs, isSilent, isResting, error, isListed, ...pace.state }
    })
  }

  /** Makes these the sources beside the configured ones. @param from how far in the network may lead who named them */
  list(baseurls: readonly string[], from: Reach | undefined): void {
    this.#sources.list(baseurls, from)
  }

  beginGeneration(name: string): void {
    this.#missing.begin(name)
  }

  async get(href: string, request: UpstreamRequest = {}): Promise<UpstreamReply> {
    if (this.#sources.all.length === 0) await this.#options.prepare?.()
    const { sources, lacking } = this.#select(href, request)
    const answer = await this.#ask(href, sources, request).catch(async (error: unknown) => {
      // Those that had it not may have it by now, and that is better than trouble.
      const { code, kind } = toPinyonError(error)
      if (lacking.length === 0 || kind.source !== 'upstream' || code === 'UPSTREAM_GONE') throw error
      const last = { ...request, isOptional: true }
      return await this.#ask(href, lacking.slice(0, MAX_ASKED_AGAIN), last).catch(() => Promise.reject(error))
    })
    const { status, validators, reach, source } = answer
    const body = status === 304 ? answer.body : this.#splice(href, sources, request, answer)
    const { baseurl, from: named } = source
    return {
      status,
      baseurl,
      validators,
      body,
      ...(reach === undefined ? {} : { reach }),
      ...(named === undefined ? {} : { named }),
    }
  }

  /** What is wrong with what the mirror shows of itself, for people; undefined when nothing is. */
  get identityProblem(): string | undefined {
    return this.#connections.identityProblem
  }

  async close(): Promise<void> {
    await this.#connections.close()
  }

  /** The sources of a request, in their order, and those that are known not to have the file. */
  #select(href: string, request: UpstreamRequest): Record<'sources' | 'lacking', readonly Source[]> {
    const all = this.#sources.select(request)
    const name = nameFile(href, request)
    if (name === undefined || request.onlyBaseurl !== undefined) return { sources: all, lacking: [] }
    const able = all.filter(({ baseurl }) => !this.#missing.has(name, baseurl))
    const sources = able.length > 0 ? able : all.slice(0, MAX_ASKED_AGAIN)
    const lacking = all.filter((source) => !sources.includes(source))
    for (const { baseurl } of lacking) {
      const message = `${baseurl}${href} was not there, or not as listed, when it was asked for before`
      request.onRefusal?.(baseurl, new PinyonError('UPSTREAM_GONE', message))
    }
    return { sources, lacking: able.length > 0 ? lacking : [] }
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
      for (const source of left) if (round >= this.#countRounds(source, sources, request)) left.delete(source)
      if (left.size === 0) break
      if (round > 0) await this.#pause(round, request.signal)
      const candidates = await this.#order([...left], href, request)
      const run = async (source: Source, signal: AbortSignal) => {
        request.onAsk?.(source.baseurl)
        try {
          const answer = await this.#askSource(source, href, toSourceRequest(source, request, signal, rest))
          // Of a rest what was given on before tells.
          if (rest !== undefined && rest.offset > 0) return answer
          refuseOther(answer, href, request, sources.length > 1 && !isLastResort)
          return await refusePage(answer, href, request)
        } catch (error) {
          const caught = toPinyonError(error)
          if (caught.code === 'UPSTREAM_GONE') this.#noteMissing(href, request, source)
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
      const options = { run, headStartMs, discard, onOvertaken: noteOvertaken, signal: request.signal }
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

  /** Rounds in which a source is asked. Of many that a list names, each is a try. */
  #countRounds(source: Source, sources: readonly Source[], { isOptional = false }: UpstreamRequest): number {
    if (isOptional) return 1
    const tries = 1 + this.#retriesOf(source)
    return this.#sources.isListed(source) ? Math.ceil(tries / sources.length) : tries
  }

  /** One attempt at one source, which its health hears of. */
  async #askSource(source: Source, href: string, request: SourceRequest): Promise<Answer> {
    const { timeoutMs, pace: bounds, userAgent, staysSecure = false } = this.#options
    const { health, pace, from } = source
    const askedAt = this.#now()
    const watched = new WatchedRequest(source, request, { watch: this.#options.watch, now: this.#now })
    pace.asked()
    const connections = this.#connections
    const host = connections.settingsOf(source.host)
    const minrate = host.minrate ?? bounds?.minrate
    const http = {
      connections,
      timeoutMs: host.timeoutMs ?? timeoutMs,
      ...(minrate === undefined ? {} : { minrate }),
      userAgent,
      now: this.#now,
      staysSecure,
      from,
    }
    const asked = getFrom(source.url, href, request, http)
    if (health.isDown) health.startProbe(asked)
    try {
      const reply = await asked
      watched.answered(reply)
      health.answered()
      pace.answered(this.#now() - askedAt)
      if (reply.status === 304) deliver(source, 0, 0)
      return { ...reply, source, body: watchBody(reply.body, source, this.#now, watched) }
    } catch (error) {
      const caught = toPinyonError(error)
      watched.refused(caught, request.signal?.aborted === true)
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
    href: string,
    { isAwaited, signal }: UpstreamRequest,
  ): Promise<readonly Source[]> {
    const awake = await this.#awaitRest(
      sources,
      href,
      isAwaited === true ? PROBE_WAIT_MS : REST_WAIT_MS,
      signal,
    )
    const ordered = awake.toSorted((a, b) => a.health.remainingMs - b.health.remainingMs)
    if (isAwaited !== true) return ordered
    const isUsable = (source: Source) => isWorthAsking(source, href)
    const usable = ordered.filter(isUsable)
    if (usable.length > 0) return usable
    const probes = sources.flatMap(({ health }) => health.probe ?? [])
    if (probes.length > 0) await Promise.race([...probes, this.#wait(PROBE_WAIT_MS, signal)])
    const back = ordered.filter(isUsable)
    if (probes.length > 0 && back.length > 0) return back
    throw describeOutage(ordered, href)
  }

  /** Those that do not want to be left alone; when all do, the first that may be asked again, if that is soon. Throws UPSTREAM_DOWN. */
  async #awaitRest(
    sources: readonly Source[],
    href: string,
    longestMs: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly Source[]> {
    const waitMs = Math.min(...sources.map(({ health }) => health.restingMs))
    const awake = sources.filter(({ health }) => health.restingMs <= waitMs)
    if (waitMs > longestMs && sources.length > 0)
      throw describeOutage(sources, href, 'wants to be left alone')
    if (waitMs > 0 && sources.length > 0) await this.#wait(waitMs, signal)
    return awake
  }

  #noteMissing(href: string, request: UpstreamRequest, { baseurl }: Source): void {
    const name = nameFile(href, request)
    if (name !== undefined) this.#missing.note(name, baseurl)
  }

  #retriesOf(source: Source): number {
    return this.#connections.settingsOf(source.host).retries ?? this.#options.retries
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
      onJudged: (isRight) => {
        first.source.health.judged(isRight, `${first.source.baseurl}${href} has other bytes than listed`)
        if (!isRight) this.#noteMissing(href, request, first.source)
      },
      pass: (bytes) => this.#connections.pass(current.source.host, bytes, request.signal),
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

/** A file of the generation that upstream shows; undefined for one that changes under its name. */
function nameFile(href: string, { digest }: UpstreamRequest): string | undefined {
  return digest === undefined ? undefined : `${digest} ${href}`
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

function headStartMs({ health, pace, from }: Source): number {
  const isUnknown = from !== undefined && pace.costMs === undefined
  return health.state.failures > 0 || isUnknown ? PROBE_HEAD_START_MS : HEAD_START_MS
}

/** Whether a client's request for a file may go there: unless it is down, and set aside or being tried by another one. */
function isWorthAsking({ health }: Source, href: string): boolean {
  return !health.isDown || (health.remainingMsFor(href) === 0 && health.probe === undefined)
}

function toSourceRequest(
  { baseurl }: Source,
  { validators, size, values, isFresh = false, onStep }: UpstreamRequest,
  signal: AbortSignal,
  rest: { readonly offset: number; readonly first: Answer } | undefined,
): SourceRequest {
  const told = onStep === undefined ? {} : { onStep }
  const common = { signal, isFresh, ...told, ...(values === undefined ? {} : { values }) }
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

function describeOutage(
  sources: readonly Source[],
  href: string,
  how = 'has been down for a while',
): PinyonError {
  const retryInMs = Math.min(...sources.map(({ health }) => health.remainingMsFor(href)))
  const errors = new Set(sources.flatMap(({ health }) => health.state.error ?? []))
  const seconds = Math.max(1, Math.ceil(retryInMs / 1000))
  return new PinyonError(
    'UPSTREAM_DOWN',
    `upstream ${how}, and is asked again in ${seconds} s: ${[...errors].join('; ')}`,
    { retryAfterSeconds: seconds },
  )
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
