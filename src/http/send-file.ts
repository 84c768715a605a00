import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { Body } from '../proxy/body.ts'
import type { Content } from '../proxy/content.ts'
import type { FileReply } from '../proxy/reply.ts'
import { bodyChunks } from './body-chunks.ts'
import { isRange, planRanges, planWhole, type BodyPlan } from './body-plan.ts'
import { evaluateConditions, rangeApplies } from './conditions.ts'
import { IMMUTABLE, outcomeHeaders, type AnyExchange } from './exchange.ts'
import type { Headers } from './outlet.ts'
import { parseRange } from './range.ts'

/** What is in memory and no larger is handed over in one piece, in bytes; of more, no more than a chunk waits for a slow client. */
const ONE_PIECE_BYTES = 64 << 10

/** dnf gives up on a server that sends nothing for 30 s, and takes it for bad; an error before that can be tried again. */
const FIRST_BYTE_MS = 25_000
/** When it is worth asking again for what goes on being fetched: whoever does joins that. */
const LATE_RETRY_SECONDS = 5

/**
 * Upstream's bytes are of the dashboard's origin, whose tab may hold a token. Of what has a type of its own here browsers run XML alone (a script in
 * XHTML's namespace, a style sheet of XSLT): in a sandbox it can do neither. Nothing else is what its type does not say.
 */
const XML_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"

/** Where a file's bytes are, or come from. */
export type FileContent = Pick<
  Content,
  'peek' | 'open' | 'find' | 'knownRefusal' | 'passThrough' | 'dropUnreadable' | 'chunks' | 'turns'
>

/** Sends a file of a snapshot: conditions, then ranges, then its bytes from wherever they are or come from. */
export async function sendFile(exchange: AnyExchange, file: FileReply, content: FileContent): Promise<void> {
  const { method, headers, outlet } = exchange
  exchange.snapshot = file.snapshot
  exchange.packageName = file.packageName
  const condition = evaluateConditions(headers, file)
  if (condition === 'failed')
    throw new PinyonError('PRECONDITION_FAILED', `precondition failed for: ${file.path}`)
  if (condition === 'not_modified') {
    outlet.begin(304, {
      ...fileHeaders(file),
      ...outcomeHeaders(exchange, 'not_modified', file.snapshot),
    })
    outlet.end()
    return
  }
  if (method === 'HEAD') return await sendHead(exchange, file, content)
  try {
    return await sendAndRelease(exchange, file, content.peek(file) ?? (await content.open(file)), content)
  } catch (error) {
    // What of a stored file is sent by now cannot be gone on with: its client sees a broken connection, and fetches it anew.
    const isUnreadable = await content.dropUnreadable(file, error)
    if (!isUnreadable) return await passThrough(exchange, file, content, error)
    if (outlet.hasBegun) throw error
  }
  try {
    await sendAndRelease(exchange, file, await content.open(file), content)
  } catch (error) {
    await passThrough(exchange, file, content, error)
  }
}

/** Passes a file through where its store has failed, and nothing of the answer is sent yet; else throws its error. */
async function passThrough(
  exchange: AnyExchange,
  file: FileReply,
  content: FileContent,
  error: unknown,
): Promise<void> {
  const passed = exchange.outlet.hasBegun ? undefined : content.passThrough(file, error)
  if (passed === undefined) throw error
  try {
    await sendAndRelease(exchange, file, passed, content)
  } catch (failure) {
    // It may well be stored, and only not be opened: that nobody else has it is not what its client is to be told.
    const isOurs = toPinyonError(error).code === 'NO_DESCRIPTORS' && !exchange.outlet.hasBegun
    throw isOurs ? error : failure
  }
}

async function sendAndRelease(
  exchange: AnyExchange,
  file: FileReply,
  body: Body,
  content: FileContent,
): Promise<void> {
  try {
    await sendBody(exchange, file, body, content)
  } finally {
    body.release()
  }
}

/**
 * A HEAD must not fill: it is refused what a GET is known to be refused, and nobody is asked. The listing knows all that the headers say but,
 * for some packages, the size; until such a one is cached the answer goes without, as RFC 9110 §8.6 allows.
 */
async function sendHead(exchange: AnyExchange, file: FileReply, content: FileContent): Promise<void> {
  const refusal = await content.knownRefusal(file)
  if (refusal !== undefined) throw refusal
  let { size } = file
  if (size === undefined) {
    const body = await content.find(file)
    size = body?.size
    body?.release()
  }
  exchange.outlet.begin(200, {
    'Content-Type': file.contentType,
    ...(size === undefined ? {} : { 'Content-Length': String(size) }),
    ...fileHeaders(file),
    ...outcomeHeaders(exchange, 'hit', file.snapshot),
  })
  exchange.outlet.end()
}

async function sendBody(
  exchange: AnyExchange,
  file: FileReply,
  body: Body,
  { chunks: pool, turns }: FileContent,
): Promise<void> {
  const { outlet } = exchange
  const size = body.size ?? (await beforeTheClientGivesUp(body.verified(), file, body))
  const planned = body.isSequential === true ? planWhole(size, file.contentType) : plan(exchange, file, size)
  const [piece] = planned.pieces
  const isOnePiece = planned.pieces.length <= 1 && planned.contentLength <= ONE_PIECE_BYTES
  if (body.bytes !== undefined && isOnePiece) {
    sendPlanned(exchange, file, planned, outcomeHeaders(exchange, body.outcome, file.snapshot))
    exchange.finalBytes = planned.contentLength
    outlet.end(
      piece !== undefined && isRange(piece) ? body.bytes.subarray(piece.start, piece.end + 1) : undefined,
    )
    return
  }
  const chunks = bodyChunks(body, planned, pool)
  // Hundreds of ranges, maybe: they are put together in one turn, and given to the kernel in another.
  const isMuchWork = planned.pieces.length > 1
  try {
    if (isMuchWork) await turns.take()
    // Nothing is promised before there is a byte to send: until then trouble can still be a 502.
    let next = await (body.complete ? chunks.next() : beforeTheClientGivesUp(chunks.next(), file, body))
    if (isMuchWork) await turns.take()
    sendPlanned(exchange, file, planned, outcomeHeaders(exchange, body.outcome, file.snapshot))
    while (next.done !== true) {
      const going = outlet.write(next.value)
      if (!(typeof going === 'boolean' ? going : await going)) return
      exchange.writtenBytes += next.value.length
      const isOver = exchange.writtenBytes === planned.contentLength
      // What is in memory waits for nothing else, nor does the socket of a fast client.
      if (!isOver && (isMuchWork || body.bytes !== undefined)) await turns.take()
      next = await chunks.next()
    }
    outlet.end()
  } finally {
    // Not waited for: a read may be under way for as long as upstream takes.
    void chunks.return().catch(() => undefined)
  }
}

/** What to send: the whole, or the ranges asked for. Throws RANGE_REFUSED when none can be satisfied. */
function plan(exchange: AnyExchange, file: FileReply, size: number): BodyPlan {
  const { headers } = exchange
  const asked = headers.range
  if (asked === undefined || !rangeApplies(headers, file)) return planWhole(size, file.contentType)
  const ranges = parseRange(asked, size)
  if (ranges === undefined) return planWhole(size, file.contentType)
  if (ranges.length === 0)
    throw new PinyonError('RANGE_REFUSED', `no such range in ${size} bytes: ${asked}`, { size })
  return planRanges(ranges, size, file.contentType)
}

function sendPlanned(exchange: AnyExchange, file: FileReply, planned: BodyPlan, outcome: Headers): void {
  const headers: Headers = {
    'Content-Type': planned.contentType,
    'Content-Length': String(planned.contentLength),
    ...fileHeaders(file),
    ...outcome,
  }
  if (planned.contentRange !== undefined) headers['Content-Range'] = planned.contentRange
  exchange.outlet.begin(planned.status, headers)
}

/** What a file's headers say beside its length. */
export function fileHeaders(file: FileReply): Headers {
  return {
    ETag: file.etag,
    'Last-Modified': file.lastModified,
    'Cache-Control': file.immutable ? IMMUTABLE : 'no-cache',
    'Accept-Ranges': 'bytes',
    'X-Content-Type-Options': 'nosniff',
    ...(file.contentType === 'application/xml' ? { 'Content-Security-Policy': XML_POLICY } : {}),
  }
}

/** @throws PinyonError UPSTREAM_LATE, while the fetching goes on */
async function beforeTheClientGivesUp<T>(first: Promise<T>, file: FileReply, body: Body): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const giveUp = () => {
    const tried = body.progress?.() ?? 'it is being passed through'
    const message = `nothing of ${file.path} could be sent within ${FIRST_BYTE_MS / 1000} s, and it is still being fetched: ${tried}`
    reject(new PinyonError('UPSTREAM_LATE', message, { retryAfterSeconds: LATE_RETRY_SECONDS }))
  }
  const timer = setTimeout(giveUp, FIRST_BYTE_MS)
  try {
    return await Promise.race([first, late])
  } finally {
    clearTimeout(timer)
  }
}
