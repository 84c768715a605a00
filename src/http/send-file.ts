import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { PinyonError } from '../model/errors.ts'
import type { Body, Content } from '../proxy/content.ts'
import type { FileReply } from '../proxy/reply.ts'
import { bodyChunks } from './body-chunks.ts'
import { isRange, planRanges, planWhole, type BodyPlan } from './body-plan.ts'
import { evaluateConditions, rangeApplies } from './conditions.ts'
import { outcomeHeaders, type Exchange, type Headers } from './exchange.ts'
import { parseRange } from './range.ts'

/** dnf gives up on a server that sends nothing for 30 s, and takes it for bad; an error before that can be tried again. */
const FIRST_BYTE_MS = 25_000

const IMMUTABLE = 'public, max-age=31536000, immutable'

/** Sends a file of a snapshot: conditions, then ranges, then its bytes from wherever they are or come from. */
export async function sendFile(exchange: Exchange, file: FileReply, content: Content): Promise<void> {
  const { request } = exchange
  const condition = evaluateConditions(request.headers, file)
  if (condition === 'failed')
    throw new PinyonError('PRECONDITION_FAILED', `precondition failed for: ${file.path}`)
  if (condition === 'not_modified') {
    exchange.response.writeHead(304, {
      ...fileHeaders(file),
      ...outcomeHeaders(exchange, 'not_modified', file.snapshot),
    })
    exchange.response.end()
    return
  }
  // A HEAD must not fill: it is answered from the listing, which knows all that its headers say.
  if (request.method === 'HEAD' && file.size !== undefined) {
    sendPlanned(
      exchange,
      file,
      plan(exchange, file, file.size),
      outcomeHeaders(exchange, 'hit', file.snapshot),
    )
    exchange.response.end()
    return
  }
  const body = content.peek(file) ?? (await content.open(file))
  try {
    await sendBody(exchange, file, body)
  } finally {
    body.release()
  }
}

async function sendBody(exchange: Exchange, file: FileReply, body: Body): Promise<void> {
  const { response, request } = exchange
  const size = body.size ?? (await beforeTheClientGivesUp(body.verified()))
  const planned = plan(exchange, file, size)
  if (request.method === 'HEAD') {
    sendPlanned(exchange, file, planned, outcomeHeaders(exchange, body.outcome, file.snapshot))
    response.end()
    return
  }
  const [piece] = planned.pieces
  if (body.bytes !== undefined && planned.pieces.length <= 1) {
    sendPlanned(exchange, file, planned, outcomeHeaders(exchange, body.outcome, file.snapshot))
    response.end(
      piece !== undefined && isRange(piece) ? body.bytes.subarray(piece.start, piece.end + 1) : undefined,
    )
    return
  }
  const chunks = bodyChunks(body, planned)
  // Nothing is promised before there is a byte to send: until then trouble can still be a 502.
  let next = await (body.complete ? chunks.next() : beforeTheClientGivesUp(chunks.next()))
  sendPlanned(exchange, file, planned, outcomeHeaders(exchange, body.outcome, file.snapshot))
  while (next.done !== true) {
    if (!(await write(response, next.value))) return
    next = await chunks.next()
  }
  response.end()
}

/** What to send: the whole, or the ranges asked for. Throws RANGE_REFUSED when none can be satisfied. */
function plan(exchange: Exchange, file: FileReply, size: number): BodyPlan {
  const { headers, method } = exchange.request
  const asked = headers.range
  // RFC 9110 §14.2: Range is defined for GET alone.
  if (asked === undefined || method !== 'GET' || !rangeApplies(headers, file))
    return planWhole(size, file.contentType)
  const ranges = parseRange(asked, size)
  if (ranges === undefined) return planWhole(size, file.contentType)
  if (ranges.length === 0)
    throw new PinyonError('RANGE_REFUSED', `no such range in ${size} bytes: ${asked}`, { size })
  return planRanges(ranges, size, file.contentType)
}

function sendPlanned(exchange: Exchange, file: FileReply, planned: BodyPlan, outcome: Headers): void {
  const headers: Headers = {
    'Content-Type': planned.contentType,
    'Content-Length': String(planned.contentLength),
    ...fileHeaders(file),
    ...outcome,
  }
  if (planned.contentRange !== undefined) headers['Content-Range'] = planned.contentRange
  exchange.response.writeHead(planned.status, headers)
}

function fileHeaders(file: FileReply): Headers {
  return {
    ETag: file.etag,
    'Last-Modified': file.lastModified,
    'Cache-Control': file.immutable ? IMMUTABLE : 'no-cache',
    'Accept-Ranges': 'bytes',
  }
}

async function beforeTheClientGivesUp<T>(first: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = sleep(FIRST_BYTE_MS, undefined, { signal: timer.signal, ref: false }).then(
    () => {
      throw new PinyonError('UPSTREAM_TIMEOUT', `no byte from upstream within: ${FIRST_BYTE_MS / 1000} s`)
    },
    () => new Promise<never>(() => undefined),
  )
  try {
    return await Promise.race([first, late])
  } finally {
    timer.abort()
  }
}

/** Writes and waits until the kernel has the bytes, so that their buffer can be used again; false when the client has gone. */
function write(response: ServerResponse, chunk: Buffer): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const gone = () => resolve(false)
    response.once('close', gone)
    response.write(chunk, (error) => {
      response.off('close', gone)
      resolve(error === null || error === undefined)
    })
  })
}
