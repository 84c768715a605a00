import { setTimeout as sleep } from 'node:timers/promises'

import { Agent, ProxyAgent, interceptors, type Dispatcher } from 'undici'

import { PinyonError, toPinyonError } from '../model/errors.ts'
import { getFrom } from './source.ts'
import type { Upstream, UpstreamReply, UpstreamRequest } from './upstream.ts'

/** A mirror's sources and how to treat them; the words are yum's. */
export interface UpstreamOptions {
  /** Each ends in a slash; asked in this order. */
  readonly baseurls: readonly string[]
  readonly timeoutMs: number
  /** Rounds over the sources after the first one. */
  readonly retries: number
  /** URL of an HTTP proxy. */
  readonly proxy?: string
  readonly userAgent: string
}

/** Connections to one host. More than dnf's own maximum of 20 parallel downloads help nobody. */
const CONNECTIONS_PER_HOST = 20
const MAX_REDIRECTS = 5
/** The pause before the second round, doubled for each further one, in milliseconds. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

/** The sources of one mirror. */
export class MirrorUpstream implements Upstream {
  readonly #options: UpstreamOptions
  readonly #dispatcher: Dispatcher

  /** Does no I/O. */
  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#dispatcher = createDispatcher(options)
  }

  get baseurls(): readonly string[] {
    return this.#options.baseurls
  }

  async get(href: string, request: UpstreamRequest = {}): Promise<UpstreamReply> {
    const candidates = this.#order(request)
    let failure: PinyonError | undefined
    for (let round = 0; round <= this.#options.retries && candidates.length > 0; round += 1) {
      if (round > 0) await pause(round, request.signal)
      for (const baseurl of candidates.slice()) {
        request.signal?.throwIfAborted()
        try {
          return await this.#getFrom(baseurl, href, request)
        } catch (error) {
          const caught = toPinyonError(error)
          if (caught.kind.source !== 'upstream') throw caught
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
    const { baseurls } = this.#options
    const first = (request.firstBaseurl ?? 0) % Math.max(1, baseurls.length)
    return [...baseurls.slice(first), ...baseurls.slice(0, first)]
  }

  #getFrom(baseurl: string, href: string, request: UpstreamRequest): Promise<UpstreamReply> {
    const { timeoutMs, userAgent } = this.#options
    const { validators, ...unconditional } = request
    const asked = validators?.baseurl === baseurl ? request : unconditional
    return getFrom(baseurl, href, asked, { dispatcher: this.#dispatcher, timeoutMs, userAgent })
  }
}

function createDispatcher(options: UpstreamOptions): Dispatcher {
  const common = { connections: CONNECTIONS_PER_HOST, connect: { timeout: options.timeoutMs } }
  const agent =
    options.proxy === undefined ? new Agent(common) : new ProxyAgent({ ...common, uri: options.proxy })
  return agent.compose(interceptors.redirect({ maxRedirections: MAX_REDIRECTS, throwOnMaxRedirect: true }))
}

async function pause(round: number, signal: AbortSignal | undefined): Promise<void> {
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (round - 1), LONGEST_PAUSE_MS)
  await sleep(pauseMs, undefined, signal === undefined ? {} : { signal })
}
