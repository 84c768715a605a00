import { setTimeout as sleep } from 'node:timers/promises'

import { Agent, Pool, ProxyAgent, type Dispatcher } from 'undici'

import { PinyonError, toPinyonError } from '../model/errors.ts'
import { isTemplate } from '../model/url-template.ts'
import { splitCredentials } from './credentials.ts'
import { getFrom } from './source.ts'
import { nameFallback } from './fallback-url.ts'
import type { Upstream, UpstreamReply, UpstreamRequest } from './upstream.ts'

/** A mirror's sources and how to treat them; the words are yum's. */
export interface UpstreamOptions {
  /** Each ends in a slash, or is a template of a package's URL; asked in this order. */
  readonly baseurls: readonly string[]
  readonly timeoutMs: number
  /** Rounds over the sources after the first one. */
  readonly retries: number
  /** URL of an HTTP proxy. */
  readonly proxy?: string
  readonly userAgent: string
  /** Waits between two rounds; by a timer unless told. Rejects with the signal's reason when that is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** Milliseconds of a clock that only goes forward; the process's own unless told. */
  readonly now?: () => number
}

/** Connections to one host. More than dnf's own maximum of 20 parallel downloads help nobody. */
const CONNECTIONS_PER_HOST = 20
/** The pause before the second round, doubled for each further one, in milliseconds. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

/** The sources of one mirror. */
export class MirrorUpstream implements Upstream {
  readonly #options: UpstreamOptions
  /** Base URLs with their credentials by those without: nothing outside, the database included, gets to see the former. */
  readonly #sources: ReadonlyMap<string, string>
  readonly #dispatcher: Dispatcher

  /** Does no I/O. */
  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#sources = new Map(options.baseurls.map((baseurl) => [nameSource(baseurl), baseurl]))
    this.#dispatcher = createDispatcher(options)
  }

  get baseurls(): readonly string[] {
    return [...this.#sources.keys()]
  }

  async get(href: string, request: UpstreamRequest = {}): Promise<UpstreamReply> {
    const candidates = this.#order(request)
    let failure: PinyonError | undefined
    for (let round = 0; round <= this.#options.retries && candidates.length > 0; round += 1) {
      if (round > 0) await this.#pause(round, request.signal)
      for (const baseurl of candidates.slice()) {
        request.signal?.throwIfAborted()
        try {
          return await this.#getFrom(baseurl, href, request)
        } catch (error) {
          const caught = toPinyonError(error)
          if (caught.kind.source !== 'upstream') throw caught
          request.onRefusal?.(baseurl, caught)
          // Trouble says more than absence: a file may still be where nobody answered.
          if (failure === undefined || caught.code !== 'UPSTREAM_GONE') failure = caught
          if (!caught.kind.retryable) candidates.splice(candidates.indexOf(baseurl), 1)
        }
      }
    }
    throw failure ?? new PinyonError('UPSTREAM_UNREACHABLE', `no source is configured for: ${href}`)
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy()
  }

  #order(request: UpstreamRequest): string[] {
    if (request.onlyBaseurl !== undefined) return [request.onlyBaseurl]
    const { baseurls } = this
    const first = (request.firstBaseurl ?? 0) % Math.max(1, baseurls.length)
    return [...baseurls.slice(first), ...baseurls.slice(0, first)]
  }

  async #getFrom(baseurl: string, href: string, request: UpstreamRequest): Promise<UpstreamReply> {
    const { timeoutMs, userAgent, now = () => performance.now() } = this.#options
    const { validators, ...unconditional } = request
    const asked = validators?.baseurl === baseurl ? request : unconditional
    const source = this.#sources.get(baseurl) ?? baseurl
    const http = { dispatcher: this.#dispatcher, timeoutMs, userAgent, now }
    return { ...(await getFrom(source, href, asked, http)), baseurl }
  }

  async #pause(round: number, signal: AbortSignal | undefined): Promise<void> {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (round - 1), LONGEST_PAUSE_MS)
    await (this.#options.sleep ?? sleepFor)(pauseMs, signal)
  }
}

/** A URL's parser would escape a template's braces. */
function nameSource(baseurl: string): string {
  return isTemplate(baseurl) ? nameFallback(baseurl) : splitCredentials(baseurl).url
}

function createDispatcher({ timeoutMs, proxy }: UpstreamOptions): Dispatcher {
  const common = { connections: CONNECTIONS_PER_HOST }
  if (proxy === undefined) return new Agent({ ...common, connect: { timeout: timeoutMs } })
  const { url, authorization } = splitCredentials(proxy)
  return new ProxyAgent({
    ...common,
    uri: url,
    connectTimeout: timeoutMs,
    // What it builds for plain http would have no limit.
    factory: (origin, options) => new Pool(origin, Object.assign({}, options, common)),
    ...(authorization === undefined ? {} : { token: authorization }),
  })
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
