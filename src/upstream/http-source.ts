import { errors, request as send, type Dispatcher } from 'undici'

import { PinyonError } from '../model/errors.ts'
import { redactUrl } from '../system/logger.ts'
import type { UpstreamReply, UpstreamRequest, Validators } from './upstream.ts'

/** What every request of a mirror shares. */
export interface HttpOptions {
  readonly dispatcher: Dispatcher
  /** For the answer to begin, and between two pieces of it, in milliseconds. */
  readonly timeoutMs: number
  readonly userAgent: string
}

/** Gets a file by http or https. Never decodes a content coding: the listed digest is that of the file as it lies there. */
export async function getHttp(
  url: string,
  baseurl: string,
  request: UpstreamRequest,
  options: HttpOptions,
): Promise<UpstreamReply> {
  const reply = await begin(url, request, options)
  const validators = readValidators(reply.headers)
  if (reply.statusCode === 200)
    return { status: 200, baseurl, validators, body: readBody(reply, url, request.signal) }
  await reply.body.dump({ limit: 64 << 10 }).catch(() => undefined)
  if (reply.statusCode === 304 && request.validators !== undefined)
    return { status: 304, baseurl, validators: { ...request.validators, ...validators }, body: noBytes() }
  const gone = reply.statusCode === 404 || reply.statusCode === 410
  throw new PinyonError(
    gone ? 'UPSTREAM_GONE' : 'UPSTREAM_STATUS',
    `${redactUrl(url)} answered: ${reply.statusCode}`,
    { status: reply.statusCode },
  )
}

async function begin(
  url: string,
  request: UpstreamRequest,
  options: HttpOptions,
): Promise<Dispatcher.ResponseData> {
  const headers: Record<string, string> = { 'user-agent': options.userAgent, 'accept-encoding': 'identity' }
  if (request.validators?.etag !== undefined) headers['if-none-match'] = request.validators.etag
  if (request.validators?.lastModified !== undefined)
    headers['if-modified-since'] = request.validators.lastModified
  try {
    return await send(url, {
      dispatcher: options.dispatcher,
      headers,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      signal: request.signal ?? null,
    })
  } catch (error) {
    request.signal?.throwIfAborted()
    throw toUpstreamError(error, url)
  }
}

async function* readBody(
  reply: Dispatcher.ResponseData,
  url: string,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  const announced = Number(reply.headers['content-length'] ?? Number.NaN)
  let received = 0
  try {
    for await (const chunk of reply.body as AsyncIterable<Uint8Array>) {
      received += chunk.length
      yield chunk
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw toUpstreamError(error, url, received)
  }
  if (received < announced)
    throw new PinyonError(
      'UPSTREAM_SHORT',
      `${redactUrl(url)} ended early: ${received} of ${announced} bytes`,
    )
}

async function* noBytes(): AsyncIterable<Uint8Array> {
  // A 304 has no body.
}

function readValidators(headers: Dispatcher.ResponseData['headers']): Validators {
  const etag = headers['etag']
  const lastModified = headers['last-modified']
  return {
    ...(typeof etag === 'string' ? { etag } : {}),
    ...(typeof lastModified === 'string' ? { lastModified } : {}),
  }
}

/** Names what went wrong on the wire. `received` is given once a body has begun. */
function toUpstreamError(error: unknown, url: string, received?: number): PinyonError {
  const where = redactUrl(url)
  const facts = { cause: error }
  if (
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError
  )
    return new PinyonError('UPSTREAM_TIMEOUT', `${where} did not answer in time: ${error.message}`, facts)
  const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message
  if (received !== undefined)
    return new PinyonError('UPSTREAM_SHORT', `${where} broke off after ${received} bytes: ${reason}`, facts)
  return new PinyonError('UPSTREAM_UNREACHABLE', `${where} could not be reached: ${reason}`, facts)
}
