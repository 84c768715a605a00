import { LRUCache } from 'lru-cache'

import type { FileReply, TextReply } from '../../proxy/reply.ts'
import type { RollingReply } from '../../proxy/rolling-replies.ts'
import type { BodyPlan } from '../body-plan.ts'
import type { EndedRequest } from '../ended-request.ts'
import { cacheHeaders } from '../exchange.ts'
import type { Headers } from '../outlet.ts'
import { NO_OPTIONS } from '../../system/no-options.ts'
import { REQUEST_ID_HEADER } from '../request-id.ts'
import { describeTarget, toLogFields } from '../request-log.ts'
import { fileHeaders } from '../send-file.ts'
import { textHeaders } from '../send-text.ts'

/** Not imported, for the reason that `server.ts` has. */
const { STATUS_CODES } = process.getBuiltinModule('node:http')

/** How what is there can be answered: all of it, its head, parts of it, or that the client has it. */
export type AnswerKind = 'whole' | 'head' | 'part' | 'notModified' | 'headNotModified'

/** What answers of one kind and file have in common, made once. */
export interface PreparedAnswer {
  readonly target: string
  readonly size: number
  readonly method: 'GET' | 'HEAD'
  readonly status: 200 | 206 | 304
  readonly outcome: 'hit' | 'not_modified'
  /** The head up to what it says of a part, and from there up to the date. */
  readonly start: string
  readonly rest: string
  /** The log line's fields before the time that it took, and after the client. */
  readonly logBefore: string
  readonly logAfter: string
  /** The head as it is in this second, for a connection that goes on. */
  second: number
  bytes: Buffer
  /** Hits of it that are not counted yet. */
  sum: EndedRequest | undefined
}

/** Files and texts whose answers are remembered: some 8 MB. */
const REMEMBERED_FILES = 4_096

/** Of each kind: method, status line, outcome. */
const KINDS = {
  whole: ['GET', 200, '200 OK', 'hit'],
  head: ['HEAD', 200, '200 OK', 'hit'],
  part: ['GET', 206, '206 Partial Content', 'hit'],
  notModified: ['GET', 304, '304 Not Modified', 'not_modified'],
  headNotModified: ['HEAD', 304, '304 Not Modified', 'not_modified'],
} as const

type KnownAnswers = Record<AnswerKind, PreparedAnswer | undefined>

const NONE_KNOWN: KnownAnswers = {
  whole: undefined,
  head: undefined,
  part: undefined,
  notModified: undefined,
  headNotModified: undefined,
}

/** Heads of hits, byte for byte as node:http writes them. */
export class PreparedAnswers {
  readonly #known = new LRUCache<RollingReply, KnownAnswers>({ max: REMEMBERED_FILES })
  readonly #alive: string
  /** The date as it is until then, by `performance.now()`: the clock of the day is dearer to ask. */
  #until = Number.NEGATIVE_INFINITY
  #second = 0
  #date = ''

  /** @param keepAliveMs how long clients are told that their connections stay open */
  constructor(keepAliveMs: number) {
    this.#alive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n\r\n`
  }

  /** The answer to a target that names this, which has so many bytes. */
  answer(kind: AnswerKind, target: string, reply: RollingReply, size: number): PreparedAnswer {
    let kinds = this.#known.get(reply, NO_OPTIONS)
    const known = kinds?.[kind]
    if (known?.size === size && known.target === target) return known
    if (kinds === undefined) this.#known.set(reply, (kinds = { ...NONE_KNOWN }))
    return (kinds[kind] = prepare(kind, target, reply, size))
  }

  /**
   * The whole head.
   * @param plan of what part is sent, or what parts; undefined for all of it
   * @param nowMs by `performance.now()`
   * @param id by what its request is known; one that is named is nobody else's
   */
  head(
    answer: PreparedAnswer,
    plan: BodyPlan | undefined,
    keepsAlive: boolean,
    nowMs: number,
    id?: string,
  ): Buffer {
    const second = this.#tell(nowMs)
    if (plan !== undefined) return this.#partHead(answer, plan, this.#ending(keepsAlive, id, plan))
    if (id !== undefined || !keepsAlive)
      return Buffer.from(answer.start + answer.rest + this.#ending(keepsAlive, id), 'latin1')
    if (answer.second !== second) {
      // Anew, not over the old one: that may still wait for a slow client.
      answer.bytes = toBytes(answer.start + answer.rest + this.#date + this.#alive)
      answer.second = second
    }
    return answer.bytes
  }

  /** The whole head of an answer that is made once. Where it tells by what its request is known, the headers say so. */
  headOf(status: number, headers: Headers, keepsAlive: boolean): Buffer {
    this.#tell(performance.now())
    const lines = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${toLines(headers)}`
    return Buffer.from(lines + this.#ending(keepsAlive, undefined), 'latin1')
  }

  #partHead(
    { start, rest }: PreparedAnswer,
    { contentType, contentLength }: BodyPlan,
    ending: string,
  ): Buffer {
    const first = `Content-Type: ${contentType}\r\nContent-Length: ${contentLength}\r\n`
    return Buffer.from(start + first + rest + ending, 'latin1')
  }

  /** What ends a head, in node:http's order. */
  #ending(keepsAlive: boolean, id: string | undefined, plan?: BodyPlan): string {
    const named = id === undefined ? '' : `${REQUEST_ID_HEADER}: ${id}\r\n`
    const which = plan?.contentRange === undefined ? '' : `Content-Range: ${plan.contentRange}\r\n`
    return named + which + this.#date + (keepsAlive ? this.#alive : 'Connection: close\r\n\r\n')
  }

  #tell(nowMs: number): number {
    if (nowMs >= this.#until) {
      const dayMs = Date.now()
      this.#second = Math.floor(dayMs / 1000)
      this.#until = nowMs + 1000 - (dayMs % 1000)
      this.#date = `Date: ${new Date(dayMs).toUTCString()}\r\n`
    }
    return this.#second
  }
}

/** Of its own memory: a slice of node's pool would keep sixteen times as much from being freed. */
function toBytes(head: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(head.length)
  bytes.write(head, 'latin1')
  return bytes
}

function prepare(kind: AnswerKind, target: string, reply: RollingReply, size: number): PreparedAnswer {
  const { snapshot } = reply
  const [method, status, statusLine, outcome] = KINDS[kind]
  const [first, rest] = reply.kind === 'file' ? describeFile(kind, reply, size) : describeText(kind, reply)
  const logged = { method, target: describeTarget(target), status, outcome }
  return {
    target,
    size,
    method,
    status,
    outcome,
    start: `HTTP/1.1 ${statusLine}\r\n${toLines(first)}`,
    rest: toLines({ ...rest, ...cacheHeaders(outcome, snapshot) }),
    logBefore: toLogFields(logged),
    logAfter: toLogFields({ mirror: snapshot?.mirror, snapshot: snapshot?.name }),
    second: Number.NaN,
    bytes: Buffer.alloc(0),
    sum: undefined,
  }
}

function describeFile(kind: AnswerKind, file: FileReply, size: number): [first: Headers, rest: Headers] {
  const { contentType } = file
  const isWhole = kind === 'whole' || kind === 'head'
  return [isWhole ? { 'Content-Type': contentType, 'Content-Length': String(size) } : {}, fileHeaders(file)]
}

/** Of a text no parts are sent. */
function describeText(kind: AnswerKind, text: TextReply): [first: Headers, rest: Headers] {
  return [{}, textHeaders(text, KINDS[kind][1] === 304 ? 304 : 200)]
}

/** Headers as they are sent. */
function toLines(headers: Headers): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}
