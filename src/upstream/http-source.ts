import { request as send, type Dispatcher } from 'undici'

import { PinyonError } from '../model/errors.ts'
import { splitCredentials, type OpenUrl } from './credentials.ts'
import { drain, readBody } from './http-body.ts'
import { toUpstreamError } from './http-error.ts'
import { MAX_REDIRECTS, redirectTarget } from './redirects.ts'
import type { UpstreamReply, UpstreamRequest, Validators } from './upstream.ts'

/** What every request of a mirror shares. */
export interface HttpOptions {
  readonly dispatcher: Dispatcher
  /** For the answer to begin, and between two pieces of it, in milliseconds. */
  readonly timeoutMs: number
  readonly userAgent: string
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
}

/** Longer validators are not worth keeping: they go into the database and into every later request. */
const MAX_VALIDATOR_LENGTH = 1024

/**
 * Gets a file by http or https, following redirects. Never decodes a content coding: the listed digest is that of the file as it lies
 * there. Credentials in the URL are sent to its own origin, and are in no message.
 */
export async function getHttp(
  url: string,
  baseurl: string,
  request: UpstreamRequest,
  options: HttpOptions,
): Promise<UpstreamReply> {
  const { timeoutMs, now } = options
  const { signal } = request
  const open = splitCredentials(url)
  const reply = await follow(open, request, options)
  const validators = readValidators(reply.headers)
  if (reply.statusCode === 200)
    return {
      status: 200,
      baseurl,
      validators,
      body: readBody(reply, { url: open.url, timeoutMs, signal, now }),
    }
  drain(reply, timeoutMs)
  if (reply.statusCode === 304 && request.validators !== undefined)
    return { status: 304, baseurl, validators: { ...request.validators, ...validators }, body: noBytes() }
  const gone = reply.statusCode === 404 || reply.statusCode === 410
  throw new PinyonError(
    gone ? 'UPSTREAM_GONE' : 'UPSTREAM_STATUS',
    `${open.url} answered: ${reply.statusCode}`,
    { status: reply.statusCode },
  )
}

/** The answer at the end of a chain of redirects. Errors name the URL the chain began with. */
async function follow(
  { url, authorization }: OpenUrl,
  request: UpstreamRequest,
  options: HttpOptions,
): Promise<Dispatcher.ResponseData> {
  const { origin } = new URL(url)
  let target = url
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const headers = createHeaders(request, options)
    if (authorization !== undefined && new URL(target).origin === origin)
      headers['authorization'] = authorization
    const reply = await begin(target, url, headers, request, options)
    const next = followTarget(reply, target, options)
    if (next === undefined) return reply
    target = next
  }
  throw new PinyonError('UPSTREAM_STATUS', `${url} redirects more often than: ${MAX_REDIRECTS} times`)
}

function followTarget(
  reply: Dispatcher.ResponseData,
  from: string,
  { timeoutMs }: HttpOptions,
): string | undefined {
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

function createHeaders(request: UpstreamRequest, options: HttpOptions): Record<string, string> {
  const { etag, lastModified } = request.validators ?? {}
  return {
    'user-agent': options.userAgent,
    'accept-encoding': 'identity',
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
  }
}

async function begin(
  target: string,
  url: string,
  headers: Record<string, string>,
  request: UpstreamRequest,
  options: HttpOptions,
): Promise<Dispatcher.ResponseData> {
  const { dispatcher, timeoutMs } = options
  const late = new AbortController()
  // undici's own time for the head begins anew with every 1xx answer.
  const timer = setTimeout(() => late.abort(), 2 * timeoutMs)
  const signal = request.signal === undefined ? late.signal : AbortSignal.any([request.signal, late.signal])
  try {
    return await send(target, {
      dispatcher,
      headers,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal,
    })
  } catch (error) {
    request.signal?.throwIfAborted()
    if (late.signal.aborted)
      throw new PinyonError('UPSTREAM_TIMEOUT', `${url} did not answer within: ${(2 * timeoutMs) / 1000} s`)
    throw toUpstreamError(error, url)
  } finally {
    clearTimeout(timer)
  }
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
function readValidators(headers: Dispatcher.ResponseData['headers']): Validators {
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
