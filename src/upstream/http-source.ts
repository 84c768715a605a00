import { PinyonError } from '../model/errors.ts'
import type { Reach } from '../model/reach.ts'
import { Pieces } from '../system/pieces.ts'
import { splitCredentials, type OpenUrl } from './credentials.ts'
import { drain, readBody } from './http-body.ts'
import { toUpstreamError } from './http-error.ts'
import { MAX_REDIRECTS, redirectTarget } from './redirects.ts'
import { readRetryAfter } from './retry-after.ts'
import type { HttpReply } from './send-request.ts'
import type { Connections } from './connections.ts'
import type { SourceReply, SourceRequest } from './source-request.ts'
import type { Validators } from './upstream.ts'

/** What every request of a mirror shares. */
export interface HttpOptions {
  readonly connections: Pick<Connections, 'to' | 'reachAfter'> &
    Partial<Pick<Connections, 'enter' | 'authorizationFor' | 'hasCertificateFor' | 'pieces'>>
  /** For the answer to begin, and between two pieces of it, in milliseconds. */
  readonly timeoutMs: number
  /** Bytes a second below which a body is given up; 0 is never, and yum's 1000 when absent. */
  readonly minrate?: number
  readonly userAgent: string
  /** Whether to refuse being sent from https to http. */
  readonly staysSecure?: boolean
  /** How far in the network those may lead who named the URL; absent when the configuration did. */
  readonly from?: Reach | undefined
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  /** Told of an answer's headers. */
  readonly onHeaders?: (headers: HttpReply['headers']) => void
}

const MINRATE = 1_000

/** What has the whole file: 203 also says that a proxy may have changed it, which its digest tells (RFC 9110, section 15.3.4). */
const WHOLE = new Set([200, 203])

/** Longer validators are not worth keeping: they go into the database and into every later request. */
const MAX_VALIDATOR_LENGTH = 1024

/**
 * Gets a file by http or https, following redirects. Never decodes a content coding: the listed digest is that of the file as it lies
 * there. Credentials in the URL are sent to its own origin, and are in no message; nor is what its query holds.
 */
export async function getHttp(
  url: string,
  request: SourceRequest,
  options: HttpOptions,
): Promise<SourceReply> {
  const { timeoutMs, now, minrate = MINRATE } = options
  const { signal, rest } = request
  const open = splitCredentials(url)
  const { reply, reach } = await follow(open, request, options)
  options.onHeaders?.(reply.headers)
  const validators = readValidators(reply.headers)
  const offset = rest !== undefined && reply.statusCode === 206 ? rest.offset : 0
  if (offset > 0 && !isRest(reply.headers, rest)) {
    drain(reply, timeoutMs)
    throw new PinyonError('UPSTREAM_STATUS', `${open.shown} gave another part than asked for`, {
      status: 206,
    })
  }
  if (WHOLE.has(reply.statusCode) || offset > 0)
    return {
      status: 200,
      validators,
      reach,
      offset,
      length: readLength(reply.headers),
      isPage: /^text\/html\b/i.test(String(reply.headers['content-type'])),
      body: readBody(reply, { url: open.shown, timeoutMs, minrate, signal, now }),
    }
  drain(reply, timeoutMs)
  if (reply.statusCode === 304 && request.validators !== undefined)
    return {
      status: 304,
      validators: { ...request.validators, ...validators },
      offset: 0,
      length: 0,
      isPage: false,
      body: noBytes(),
    }
  const retryAfterMs = readRetryAfter(reply.statusCode, reply.headers['retry-after'], Date.now())
  throw describeStatus(open, reply.statusCode, retryAfterMs, options)
}

/** What an answer that is none says, and what helps; its body is quoted nowhere. */
function describeStatus(
  { url, shown, authorization }: OpenUrl,
  status: number,
  retryAfterMs: number | undefined,
  { connections }: HttpOptions,
): PinyonError {
  const gone = status === 404 || status === 410
  const given = authorization ?? connections.authorizationFor?.(new URL(url))
  const mayWantCertificate =
    status === 400 && url.startsWith('https:') && connections.hasCertificateFor?.(new URL(url)) === false
  // Only a mirror has keys to set.
  const mayHaveCredentials = connections.authorizationFor !== undefined
  const hint =
    status === 401 && mayHaveCredentials
      ? given === undefined
        ? ' wants credentials (username and password, or bearer_token), and'
        : ' wants other credentials than those it is given, and'
      : mayWantCertificate
        ? ' may want a client certificate (sslclientcert and sslclientkey), and'
        : ''
  return new PinyonError(gone ? 'UPSTREAM_GONE' : 'UPSTREAM_STATUS', `${shown}${hint} answered: ${status}`, {
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** The answer at the end of a chain of redirects, and how far in the network it may lead. Errors name the URL the chain began with. */
async function follow(
  { url, shown, authorization: own }: OpenUrl,
  request: SourceRequest,
  options: HttpOptions,
): Promise<{ readonly reply: HttpReply; readonly reach: Reach }> {
  let target = new URL(url)
  const { origin } = target
  const authorization = own ?? options.connections.authorizationFor?.(target)
  let reach = options.from
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const headers = createHeaders(request, options)
    if (authorization !== undefined && target.origin === origin) headers['authorization'] = authorization
    const reply = await begin({ target, shown, headers, reach }, request, options)
    const next = followTarget(reply, target.href, options)
    reach = options.connections.reachAfter(target, reach)
    if (next === undefined) return { reply, reach }
    if (options.staysSecure === true && target.protocol === 'https:' && !next.startsWith('https:'))
      throw new PinyonError('UPSTREAM_STATUS', `${shown} redirects from https to: http`)
    target = new URL(next)
  }
  throw new PinyonError('UPSTREAM_STATUS', `${shown} redirects more often than: ${MAX_REDIRECTS} times`)
}

function followTarget(reply: HttpReply, from: string, { timeoutMs }: HttpOptions): string | undefined {
  let next: string | undefined
  try {
    next = redirectTarget(from, reply.statusCode, reply.headers['location'])
  } catch (error) {
    drain(reply, timeoutMs)
    throw error
  }
  if (next !== undefined) drain(reply, timeoutMs)
  return next
}

function createHeaders(request: SourceRequest, options: HttpOptions): Record<string, string> {
  const { etag, lastModified } = request.validators ?? {}
  return {
    'user-agent': options.userAgent,
    'accept-encoding': 'identity',
    ...(request.isFresh === true ? { 'cache-control': 'no-cache' } : {}),
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
    ...restHeaders(request),
  }
}

/** Asks for a rest, on the condition that the file is still the same where a strong validator can say so (RFC 9110, section 13.1.5). */
function restHeaders({ rest }: SourceRequest): Record<string, string> {
  if (rest === undefined) return {}
  const range = { range: `bytes=${rest.offset}-` }
  return rest.etag?.startsWith('"') === true ? { ...range, 'if-range': rest.etag } : range
}

/** Whether a 206 is the rest that was asked for, to its end, and of a file of that size. */
function isRest(headers: HttpReply['headers'], rest: SourceRequest['rest']): boolean {
  const found = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i.exec(
    readValidator(headers['content-range']) ?? '',
  )
  if (found === null || Number(found[1]) !== rest?.offset) return false
  const length = found[3] === '*' ? undefined : Number(found[3])
  const isToTheEnd = length === undefined || Number(found[2]) === length - 1
  return isToTheEnd && (length === undefined || rest.size === undefined || length === rest.size)
}

function readLength(headers: HttpReply['headers']): number | undefined {
  const text = headers['content-length']
  return typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : undefined
}

interface Hop {
  readonly target: URL
  /** Where the chain began, as it can be shown. */
  readonly shown: string
  readonly headers: Record<string, string>
  /** How far in the network it may lead; undefined for what is configured. */
  readonly reach: Reach | undefined
}

async function begin(
  { target, shown, headers, reach }: Hop,
  request: SourceRequest,
  { connections, timeoutMs }: HttpOptions,
): Promise<HttpReply> {
  const { signal } = request
  signal?.throwIfAborted()
  const stop = new AbortController()
  // undici's own time for the head begins anew with every 1xx answer.
  const timer = setTimeout(() => stop.abort(), 2 * timeoutMs)
  const giveUp = () => stop.abort(signal?.reason)
  signal?.addEventListener('abort', giveUp, { once: true })
  let leave: (() => void) | undefined
  const end = () => {
    signal?.removeEventListener('abort', giveUp)
    leave?.()
  }
  try {
    leave = await connections.enter?.(target, stop.signal)
    const reply = await connections.to(target, reach).send({
      origin: target.origin,
      path: target.pathname + target.search,
      headers,
      timeoutMs,
      signal: stop.signal,
      pieces: connections.pieces ?? new Pieces(),
      // Whether it is read, given up or broken off.
      onEnd: end,
    })
    return reply
  } catch (error) {
    end()
    signal?.throwIfAborted()
    if (stop.signal.aborted)
      throw describeLate(shown, timeoutMs, leave === undefined && connections.enter !== undefined)
    const wasRedirected = target.origin !== new URL(shown).origin
    throw toUpstreamError(error, shown, undefined, connections.hasCertificateFor?.(target), wasRedirected)
  } finally {
    clearTimeout(timer)
  }
}

/** @param isOurs whether it was waited for our own turn, which says nothing of the source */
function describeLate(url: string, timeoutMs: number, isOurs: boolean): PinyonError {
  const seconds = (2 * timeoutMs) / 1000
  return isOurs
    ? new PinyonError('UPSTREAM_TIMEOUT', `${url} had max_parallel_downloads running for: ${seconds} s`, {
        isOurs,
      })
    : new PinyonError('UPSTREAM_TIMEOUT', `${url} did not answer within: ${seconds} s`, {
        wasReached: true,
      })
}

async function* noBytes(): AsyncIterable<Uint8Array> {
  // A 304 has no body.
}

/** How much older than the answer a file must be, in milliseconds: servers tell its age in whole seconds, nginx also in its ETag. */
const SETTLED_MS = 2_000

/**
 * The validators of an answer; none of a file that changed as it was sent: it may change once more within that second, and still have the
 * same ones (RFC 9110, section 8.8.2.2).
 */
function readValidators(headers: HttpReply['headers']): Validators {
  const etag = readValidator(headers['etag'])
  const lastModified = readValidator(headers['last-modified'])
  const ageMs = Date.parse(readValidator(headers['date']) ?? '') - Date.parse(lastModified ?? '')
  if (ageMs < SETTLED_MS) return {}
  return {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
  }
}

/** Only what can be sent back as it came: one bad character would else make every later request of the file fail. */
function readValidator(value: string | string[] | undefined): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_VALIDATOR_LENGTH) return undefined
  return /^[\x20-\x7e]+$/.test(value) ? value : undefined
}
