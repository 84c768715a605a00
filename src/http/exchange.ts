import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'

import type { PinyonError } from '../model/errors.ts'
import type { Outcome } from '../model/outcome.ts'
import type { TrustedProxies } from '../model/trusted-proxies.ts'
import type { Snapshot } from '../snapshot/store.ts'
import { detourOf } from './detour.ts'
import type { EndedRequest } from './ended-request.ts'
import { NodeOutlet, type Headers, type Outlet } from './outlet.ts'
import { REQUEST_ID_HEADER } from './request-id.ts'

/** A request and its answer, whichever way both go, with what the log line will say of it. */
export interface AnyExchange {
  readonly method: string | undefined
  /** Of the request, as node:http has them; those that say whether and which part of a file is wanted. */
  readonly headers: IncomingHttpHeaders
  readonly outlet: Outlet
  /** What its answer carries as X-Request-Id, and its log line. */
  readonly id: string
  readonly startedAt: number
  /** When there was something to say, by the same clock; undefined before that. */
  headAt: number | undefined
  /** The other end's address, or that of whom a trusted proxy asks for; read now, since a connection that is gone does not tell any more. */
  readonly client: string | undefined
  outcome: Outcome | undefined
  snapshot: Snapshot | undefined
  /** Of the package that was asked for, as its repository lists it. */
  packageName: string | undefined
  error: PinyonError | undefined
  /** How an error is answered: as a line of text, or as a problem document (RFC 9457). */
  errorFormat: 'text' | 'problem'
  /** What the log line says beside that. */
  note: Readonly<Record<string, number>> | undefined
  /** Bytes of the body that the kernel has taken so far. */
  writtenBytes: number
  /** Bytes of the body that were handed over with its end: sent once the answer is finished. */
  finalBytes: number
}

/** One that goes through node:http. */
export interface Exchange extends AnyExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Cache-Control of what can never change. */
export const IMMUTABLE = 'public, max-age=31536000, immutable'

/**
 * Begins an exchange's log entry.
 * @param proxies who is believed when he says whom he asks for; nobody unless told
 */
export function createExchange(
  request: IncomingMessage,
  response: ServerResponse,
  id: string,
  proxies?: TrustedProxies,
): Exchange {
  return {
    request,
    response,
    method: request.method,
    headers: request.headers,
    outlet: new NodeOutlet(response),
    id,
    startedAt: performance.now(),
    headAt: undefined,
    client: proxies === undefined ? request.socket.remoteAddress : clientOf(request, proxies),
    outcome: undefined,
    snapshot: undefined,
    packageName: undefined,
    error: undefined,
    errorFormat: request.url?.startsWith('/api/') === true ? 'problem' : 'text',
    note: undefined,
    writtenBytes: 0,
    finalBytes: 0,
  }
}

/** Node joins several lines of these headers. */
function clientOf({ socket, headers }: IncomingMessage, proxies: TrustedProxies): string | undefined {
  const forwardedFor = headers['x-forwarded-for']
  const joined = typeof forwardedFor === 'string' ? forwardedFor : forwardedFor?.join(',')
  return proxies.clientOf(socket.remoteAddress, { forwardedFor: joined, forwarded: headers.forwarded })
}

/** What is known of an exchange that has ended. */
export function toEndedRequest(exchange: Exchange): EndedRequest {
  const { request, response, writtenBytes, finalBytes } = exchange
  return {
    count: 1,
    id: exchange.id,
    method: request.method,
    target: request.url ?? '',
    status: response.statusCode,
    outcome: exchange.outcome,
    startedAt: exchange.startedAt,
    headAt: exchange.headAt,
    endedAt: performance.now(),
    client: exchange.client,
    userAgent: request.headers['user-agent'],
    snapshot: exchange.snapshot,
    packageName: exchange.packageName,
    error: exchange.error,
    note: exchange.note,
    bytes: response.writableFinished ? writtenBytes + finalBytes : writtenBytes,
    connection: detourOf(request)?.socket ?? request.socket,
  }
}

/** Notes the outcome and gives the headers that tell the client: X-Cache, where it applies the snapshot, and by what the log knows it. */
export function outcomeHeaders(
  exchange: AnyExchange,
  outcome: Outcome,
  snapshot: Snapshot | undefined = exchange.snapshot,
): Headers {
  exchange.headAt ??= performance.now()
  exchange.outcome = outcome
  exchange.snapshot = snapshot
  return { ...cacheHeaders(outcome, snapshot), [REQUEST_ID_HEADER]: exchange.id }
}

/** What tells a client how it was answered. */
export function cacheHeaders(outcome: Outcome, snapshot: Snapshot | undefined): Headers {
  return snapshot === undefined
    ? { 'X-Cache': outcome }
    : { 'X-Cache': outcome, 'X-Pinyon-Snapshot': snapshot.name }
}

/** Text as a header value may hold it: printable ASCII, bounded. */
export function toHeaderValue(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 500)
}
