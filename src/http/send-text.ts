import type { TextReply } from '../proxy/reply.ts'
import { PinyonError } from '../model/errors.ts'
import { evaluateConditions } from './conditions.ts'
import { IMMUTABLE, outcomeHeaders, toHeaderValue, type AnyExchange, type Exchange } from './exchange.ts'
import type { Headers } from './outlet.ts'

/** Of listings and the index for people: links, and nothing else. */
const LISTING_POLICY = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

/** When somebody who was turned away may come again. */
const BUSY_RETRY_SECONDS = '10'

/** Sends an index, a listing or an API answer: to be revalidated unless it can never change, and never redirected. */
export function sendText(exchange: Exchange, reply: TextReply): void {
  const { request, response } = exchange
  const condition = evaluateConditions(request.headers, { etag: reply.etag, lastModifiedMs: undefined })
  if (condition === 'failed') throw new PinyonError('PRECONDITION_FAILED', 'the resource has another ETag')
  if (condition === 'not_modified') {
    const outcome = outcomeHeaders(exchange, 'not_modified', reply.snapshot)
    response.writeHead(304, { ...textHeaders(reply, 304), ...outcome })
    response.end()
    return
  }
  response.writeHead(200, { ...textHeaders(reply, 200), ...outcomeHeaders(exchange, 'hit', reply.snapshot) })
  if (request.method !== 'HEAD') exchange.finalBytes = reply.body.length
  response.end(request.method === 'HEAD' ? undefined : reply.body)
}

/** What a text's headers say, but for how it was answered. */
export function textHeaders(reply: TextReply, status: 200 | 304): Headers {
  const validators = { ETag: reply.etag, 'Cache-Control': reply.immutable === true ? IMMUTABLE : 'no-cache' }
  if (status === 304) return validators
  return {
    'Content-Type': reply.contentType,
    'Content-Length': String(reply.body.length),
    'X-Content-Type-Options': 'nosniff',
    ...(reply.contentType.startsWith('text/html') ? { 'Content-Security-Policy': LISTING_POLICY } : {}),
    ...(reply.elsewhere === undefined ? {} : { 'X-Pinyon-Elsewhere': reply.elsewhere.join(', ') }),
    ...validators,
  }
}

/** Sends what a write came to. Conditions say nothing here: it has been done. */
export function sendWritten(exchange: Exchange, value: object): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`)
  exchange.response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...outcomeHeaders(exchange, 'hit'),
  })
  exchange.response.end(body)
}

/** Sends a redirect within this server. */
export function sendRedirect(exchange: Exchange, location: string): void {
  exchange.response.writeHead(302, {
    Location: location,
    'Content-Length': '0',
    'Cache-Control': 'no-cache',
    ...outcomeHeaders(exchange, 'redirect'),
  })
  exchange.response.end()
}

/**
 * Ends an exchange with an error: its status, outcome and reason by the error table. Once a body has begun, the connection is
 * destroyed instead: a client must see that the body is not whole.
 */
export function sendError(exchange: AnyExchange, error: PinyonError): void {
  const { method, outlet, errorFormat } = exchange
  const { status, outcome } = error.kind
  exchange.error = error
  if (outlet.hasBegun) {
    exchange.outcome = outcome
    outlet.breakOff()
    return
  }
  const isProblem = errorFormat === 'problem'
  const body = Buffer.from(
    isProblem ? `${JSON.stringify(toProblem(error, exchange.id))}\n` : `${error.message}\n`,
  )
  outlet.begin(status, {
    ...errorHeaders(error, errorFormat, body.length),
    ...outcomeHeaders(exchange, outcome),
  })
  outlet.end(method === 'HEAD' ? undefined : body)
}

/** What an error's headers say, but for how it was answered. */
function errorHeaders(error: PinyonError, format: AnyExchange['errorFormat'], length: number): Headers {
  return {
    'Content-Type': format === 'problem' ? 'application/problem+json' : 'text/plain; charset=utf-8',
    'Content-Length': String(length),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Pinyon-Reason': toHeaderValue(error.message),
    ...furtherHeaders(error),
  }
}

/** An error as a problem document (RFC 9457), with what the log knows it by; one of a configuration that was sent says where in it, and what is wrong there. */
function toProblem({ code, message, kind, facts }: PinyonError, requestId: string): object {
  const { line, expected, found, unmatched } = code === 'INJECTION_REFUSED' ? facts : {}
  return {
    type: 'about:blank',
    title: code,
    status: kind.status,
    detail: message,
    request_id: requestId,
    line,
    expected,
    found,
    unmatched,
  }
}

/** What RFC 9110 wants beside the status. */
function furtherHeaders(error: PinyonError): Headers {
  const { allow = 'GET, HEAD', challenge = 'Bearer' } = error.facts as { allow?: string; challenge?: string }
  if (error.code === 'METHOD_REFUSED') return { Allow: allow }
  if (error.code === 'UNAUTHORIZED') return { 'WWW-Authenticate': challenge }
  if (error.code === 'CODING_REFUSED') return { 'Accept-Encoding': 'identity' }
  if (error.code === 'UPSTREAM_DOWN' || error.code === 'UPSTREAM_LATE')
    return { 'Retry-After': String(error.facts['retryAfterSeconds']) }
  if (error.code === 'TOO_BUSY' || error.code === 'NOT_READY') return { 'Retry-After': BUSY_RETRY_SECONDS }
  if (error.code === 'RANGE_REFUSED') return { 'Content-Range': `bytes */${String(error.facts['size'])}` }
  return {}
}
