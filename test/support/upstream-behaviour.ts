import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Gate } from './gate.ts'

/** One request as upstream saw it; `status`, `bytesSent` and `complete` are filled in as it is answered. */
export interface UpstreamRequest {
  /** 0 for the first request this upstream ever got. */
  readonly index: number
  readonly method: string
  /** The request target as sent, query included. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The Range header, when there is one. */
  readonly range?: string
  /** Arrival, in milliseconds since the epoch. */
  readonly at: number
  /** 0 until an answer has begun. */
  status: number
  /** Body bytes handed to the connection so far. */
  bytesSent: number
  /** Whether the whole answer was handed over before the connection ended. */
  complete: boolean
}

/** What an upstream does with a request, where it differs from serving the file. Fields combine. */
export interface Behaviour {
  /** Called, and awaited, before anything else: the place to publish the next generation. */
  readonly before?: (request: UpstreamRequest) => void | Promise<void>
  /** Nothing is answered until this opens. */
  readonly hold?: Gate
  /** Ends the connection without an answer. */
  readonly hangUp?: boolean
  /** Answers with this status and a line of text instead of the file. */
  readonly status?: number
  /** 302 to this Location (or `status`, when given). */
  readonly redirectTo?: string
  /** 200 with an HTML page instead of the file, as captive portals and broken mirrors do. */
  readonly html?: boolean
  /** Added to the answer, over what it would have had: `{ 'Content-Encoding': 'gzip' }`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Announced instead of the true number of bytes; when the two differ the connection ends after the body. */
  readonly contentLength?: number
  /** Announces no length: chunks, or the connection's end, say where the body ends. */
  readonly framing?: 'chunked' | 'close'
  /** Inverts the byte at this offset of the file. */
  readonly flipByteAt?: number
  /** Breaks the connection after this many body bytes. */
  readonly cutAt?: number
  /** Whether it breaks by a reset rather than by an end. */
  readonly reset?: boolean
  /** Sends only this many body bytes, announced as all there are. */
  readonly shortenTo?: number
  /** Sends this many body bytes, and the rest when the gate opens. */
  readonly stall?: { readonly afterBytes: number; readonly until: Gate }
  /** Sends pieces of at most this many bytes, each in an event-loop turn of its own. */
  readonly bytesPerTick?: number
  /** Milliseconds before it answers: of real time, for what has to be slow rather than stand still. */
  readonly latencyMs?: number
  /** Bytes a second at most, in pieces of a twentieth of that: of real time as well. */
  readonly bytesPerSecond?: number
  /**
   * What it makes of a Range header: nothing (200 and the whole), a refusal (416), another range than asked for (206, and says so), or
   * other bytes than it says (206, from the start of the file).
   */
  readonly ranges?: 'ignored' | 'refused' | 'shifted' | 'lying'
}

/** A path as a test names it: how it ends, a pattern, or a function. */
export type PathPredicate = string | RegExp | ((path: string) => boolean)

/** A behaviour for the requests that it matches; `times` limits it to the first so many of them. */
export interface Rule extends Behaviour {
  readonly match: PathPredicate
  readonly times?: number
}

/** Consulted for each request: the first rule that matches and is not used up, or what the function gives. */
export type Rules = readonly Rule[] | ((request: UpstreamRequest) => Behaviour | undefined)

/** Whether a request target is one that the predicate means; the query does not count for a string. */
export function matchesPath(predicate: PathPredicate, path: string): boolean {
  if (typeof predicate === 'function') return predicate(path)
  if (typeof predicate === 'string') return path.replace(/\?.*$/s, '').endsWith(predicate)
  return predicate.test(path)
}

/** Bytes of a body from `offset` of its file on, changed, cut into pieces and held up as the behaviour says. */
export async function* shapeBody(
  source: AsyncIterable<Buffer>,
  behaviour: Behaviour,
  offset: number,
): AsyncGenerator<Buffer> {
  const limit = Math.min(behaviour.shortenTo ?? Infinity, behaviour.cutAt ?? Infinity)
  let sent = 0
  if (behaviour.stall?.afterBytes === 0) await behaviour.stall.until.opened
  for await (const chunk of source) {
    flipByte(chunk, behaviour.flipByteAt, offset + sent)
    for (let start = 0; start < chunk.length && sent < limit;) {
      const size = Math.min(pieceSize(behaviour, sent), chunk.length - start, limit - sent)
      yield chunk.subarray(start, start + size)
      if (behaviour.bytesPerSecond !== undefined) await sleep((size * 1000) / behaviour.bytesPerSecond)
      start += size
      sent += size
      if (sent === behaviour.stall?.afterBytes) await behaviour.stall.until.opened
    }
    if (sent >= limit) return
  }
}

function pieceSize({ bytesPerTick, bytesPerSecond, stall }: Behaviour, sent: number): number {
  const toStall = stall === undefined || sent >= stall.afterBytes ? Infinity : stall.afterBytes - sent
  const paced = bytesPerSecond === undefined ? Infinity : Math.max(1, Math.floor(bytesPerSecond / 20))
  return Math.min(bytesPerTick ?? Infinity, paced, toStall)
}

function flipByte(chunk: Buffer, at: number | undefined, offset: number): void {
  const index = at === undefined ? -1 : at - offset
  if (index >= 0 && index < chunk.length) chunk[index] = ~(chunk[index] ?? 0) & 0xff
}
