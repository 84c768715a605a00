import { LRUCache } from 'lru-cache'

import type { FileReply } from '../../proxy/reply.ts'
import { cacheHeaders } from '../exchange.ts'
import { describeTarget } from '../request-log.ts'
import { fileHeaders } from '../send-file.ts'

/** What answers of one file have in common, made once. */
export interface PreparedAnswer {
  readonly target: string
  readonly size: number
  /** The head up to the date. */
  readonly head: string
  /** The log line's fields before the time that it took, and after the client. */
  readonly logBefore: string
  readonly logAfter: string
  /** The head as it is in this second, for a connection that goes on. */
  second: number
  bytes: Buffer
}

/** Answers remembered: some 8 MB. */
const REMEMBERED_ANSWERS = 4_096

/** Heads of hits, byte for byte as node:http writes them. */
export class PreparedAnswers {
  readonly #known = new LRUCache<FileReply, PreparedAnswer>({ max: REMEMBERED_ANSWERS })
  readonly #alive: string
  #second = Number.NaN
  #date = ''

  /** @param keepAliveMs how long clients are told that their connections stay open */
  constructor(keepAliveMs: number) {
    this.#alive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n\r\n`
  }

  /** The answer to a target that names this file, whose blob has so many bytes. */
  answer(target: string, file: FileReply, size: number): PreparedAnswer {
    const known = this.#known.get(file)
    if (known?.size === size && known.target === target) return known
    const prepared = prepare(target, file, size)
    this.#known.set(file, prepared)
    return prepared
  }

  /** The whole head, at this time in milliseconds since the epoch. */
  head(answer: PreparedAnswer, keepsAlive: boolean, nowMs: number): Buffer {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#date = `Date: ${new Date(second * 1000).toUTCString()}\r\n`
    }
    if (!keepsAlive) return toBytes(`${answer.head}${this.#date}Connection: close\r\n\r\n`)
    if (answer.second !== second) {
      // Anew, not over the old one: that may still wait for a slow client.
      answer.bytes = toBytes(answer.head + this.#date + this.#alive)
      answer.second = second
    }
    return answer.bytes
  }
}

/** Of its own memory: a slice of node's pool would keep sixteen times as much from being freed. */
function toBytes(head: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(head.length)
  bytes.write(head, 'latin1')
  return bytes
}

function prepare(target: string, file: FileReply, size: number): PreparedAnswer {
  const { snapshot } = file
  const headers = {
    'Content-Type': file.contentType,
    'Content-Length': String(size),
    ...fileHeaders(file),
    ...cacheHeaders('hit', snapshot),
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const logged = { method: 'GET', target: describeTarget(target), status: 200, outcome: 'hit' }
  return {
    target,
    size,
    head: `HTTP/1.1 200 OK\r\n${lines.join('')}`,
    logBefore: `${toLogFields(logged)},"ms":`,
    logAfter: toLogFields({ mirror: snapshot.mirror, snapshot: snapshot.name }),
    second: Number.NaN,
    bytes: Buffer.alloc(0),
  }
}

/** Fields of a log line, each with a comma before it. */
export function toLogFields(fields: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(fields)
  return json === '{}' ? '' : `,${json.slice(1, -1)}`
}
