import { PinyonError } from '../model/errors.ts'
import { giveBack } from '../system/pieces.ts'
import { toUpstreamError } from './http-error.ts'
import type { HttpReply } from './send-request.ts'
import { TappedBody, type BodyTap } from './tapped-body.ts'

/** Of an answer that is not wanted: how much is read so that its connection can be used again, in bytes. */
const DRAIN_BYTES = 64 << 10

/** How a body is read. */
export interface BodyOptions {
  /** Names it in messages; without secrets. */
  readonly url: string
  /** The time over which the rate is looked at, in milliseconds. */
  readonly timeoutMs: number
  /** Bytes a second that a source must bring on average; yum's `minrate`. */
  readonly minrate: number
  readonly signal: AbortSignal | undefined
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
}

/**
 * The body of an answer. Ending the iteration ends the connection.
 * @throws PinyonError UPSTREAM_SHORT when it breaks off, UPSTREAM_TIMEOUT when it stalls or only trickles
 */
export function readBody(
  reply: Pick<HttpReply, 'headers'> & { readonly body: AsyncIterable<Uint8Array> },
  options: BodyOptions,
): AsyncIterable<Uint8Array> {
  const { url, signal, now } = options
  const announced = Number(reply.headers['content-length'] ?? Number.NaN)
  const checkRate = createRateCheck(options)
  let received = 0
  const tap: BodyTap = {
    bytes: (count, waitedMs) => {
      received += count
      checkRate(count, waitedMs)
      return undefined
    },
    end: () => {
      if (received < announced)
        throw new PinyonError('UPSTREAM_SHORT', `${url} ended early: ${received} of ${announced} bytes`, {
          announced,
        })
    },
    fail: (error) =>
      signal?.aborted === true ? signal.reason : toUpstreamError(error, url, { received, announced }),
  }
  return new TappedBody(reply.body, tap, now)
}

/** Reads what is left of an unwanted answer, in the background, if that is little and comes soon; else ends its connection. */
export function drain({ headers, body }: HttpReply, timeoutMs: number): void {
  const stop = () => void body.return()
  if (Number(headers['content-length'] ?? 0) > DRAIN_BYTES) return stop()
  const timer = setTimeout(stop, timeoutMs).unref()
  readAway(body)
    .catch(() => undefined)
    .finally(() => clearTimeout(timer))
}

async function readAway(body: AsyncIterable<Uint8Array>): Promise<void> {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    giveBack(chunk)
    if (bytes > DRAIN_BYTES) return
  }
}

/** A source that sends a byte now and then would else hold a fill for days. The time of whoever reads does not count. */
function createRateCheck({
  url,
  timeoutMs,
  minrate,
}: BodyOptions): (bytes: number, waitedMs: number) => void {
  let [windowBytes, windowMs] = [0, 0]
  return (bytes, waitedMs) => {
    windowBytes += bytes
    windowMs += waitedMs
    if (windowMs < timeoutMs) return
    const rate = (windowBytes * 1000) / windowMs
    if (rate < minrate)
      throw new PinyonError('UPSTREAM_TIMEOUT', `${url} sends too slowly: ${Math.floor(rate)} bytes/s`)
    windowBytes = 0
    windowMs = 0
  }
}
