import type { Random } from '../support/random.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { mutate } from './mutate.ts'

/** What a server sends for one request. */
export interface Answer {
  readonly packets: readonly Buffer[]
  /** Whether it ends the connection after it. */
  readonly ends: boolean
}

/** Answers to requests that are made one after the other; the last ends the connection, whatever it is. */
export interface Conversation {
  readonly answers: readonly Answer[]
}

const STATUS_LINES = [
  ...Array.from({ length: 6 }, () => 'HTTP/1.1 200 OK'),
  'HTTP/1.1 206 Partial Content',
  'HTTP/1.1 404 Not Found',
  'HTTP/1.1 503 ',
  'HTTP/1.1 302 Found',
]
const HEADERS = [
  'Date: Tue, 13 Dec 2016 13:30:00 GMT',
  'Server: nginx/1.26.1',
  'ETag: "5a-1"',
  'Last-Modified: Tue, 13 Dec 2016 13:29:59 GMT',
  'Content-Type: application/x-rpm',
  'Accept-Ranges: bytes',
  'Connection: keep-alive',
  'connection: Keep-Alive',
  'Keep-Alive: timeout=65',
  'Keep-Alive: timeout=5, max=100',
  'Set-Cookie: a=b; Path=/',
  'Set-Cookie: c=d',
  'Via: 1.1 a',
  'via: 1.1 b',
  'Vary:',
  'constructor: x',
]
/** What makes an answer another, or two of one, or none. */
const ODD_HEADERS = [
  'Connection: close',
  'Connection: CLOSE',
  'Connection: close, keep-alive',
  'Connection: keep-alive, x',
  'Connection: upgrade',
  'Connection:',
  'Connection: keep-alive\r\nConnection: close',
  'Keep-Alive: timeout=1',
  'Keep-Alive: timeout=99999999999',
  'Proxy-Connection: close',
  'Upgrade: h2c',
  'Content-Length: 3',
  'Content-Length: +3',
  'Content-Length: 3, 3',
  'Content-Length: 0x3',
  'Content-Length: 003',
  'Content-Length: 3 ',
  'Content-Length:\t3',
  'Content-Length: 99999999999999999999',
  'Content-Length : 3',
  ' Content-Length: 3',
  'Content-Length:',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding:',
  'A: b\r\n c',
  'A: b\r\n\tc: d',
  'A: b\rc',
  'A: b\nc: d',
  'A: b \t ',
  'A: \t b',
  'A: \x00',
  'A: \x7f',
  'A: \x80\xff',
  'A(: b',
  ': b',
  'A',
  'A : b',
  '__proto__: x',
  'toString: x',
  'hasOwnProperty: x\r\nhasOwnProperty: y',
  'A:\r\nA: b',
  'A: b\r\nA:',
]
const STRANGE_STATUS_LINES = [
  'HTTP/1.0 200 OK',
  'HTTP/0.9 200 OK',
  'HTTP/1.2 200 OK',
  'HTTP/2.0 200 OK',
  'HTTP/1.1 200',
  'HTTP/1.1  200 OK',
  'HTTP/1.1 200 \x80',
  'HTTP/1.1 200 \t',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1 600 X',
  'HTTP/1.1 999 X',
  'HTTP/1.1 099 X',
  'HTTP/1.1 20 X',
  // Not 100, which the one passes over and undici refuses.
  'HTTP/1.1 102 Processing',
  'HTTP/1.1 101 Switching Protocols',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 205 Reset Content',
  'HTTP/1.1 304 Not Modified',
  'ICY 200 OK',
  'RTSP/1.0 200 OK',
  'http/1.1 200 OK',
  '',
]
const INTERIM = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'
const INTERIMS = [INTERIM, 'HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n']
const WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\n\n',
  ' ',
  '\t',
  ':',
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
  'HTTP/1.0',
  INTERIM,
  '0\r\n\r\n',
  '3\r\nabc\r\n',
  ...[...HEADERS, ...ODD_HEADERS].map((line) => `${line}\r\n`),
]
/** Around where bodies go from one kind of memory to another; most are little. */
const SIZES = [0, 1, 3, 5, 100, 1_000, 1_000, 5_000, 16_384, 32_768, 40_000]
/** One in so many is much longer. */
const LONG_ONCE_IN = 100
const LONG_BYTES = 700_000
const CONTENT = seededBytes('answers', LONG_BYTES)

/** One to three answers: right ones, and then any. */
export function createConversation(random: Random): Conversation {
  const answers = Array.from({ length: random.below(3) }, () => createRight(random))
  return {
    answers: [...answers, random.once(3) ? { ...createRight(random), ends: true } : createAny(random)],
  }
}

/** One that is whole, after which its connection is left open unless it says where the body ends. */
function createRight(random: Random): Answer {
  const body = createBody(random)
  const interim = random.once(12) ? INTERIM.repeat(random.below(2)) + random.pick(INTERIMS) : ''
  const headers = createHeaders(random)
  if (random.once(12)) headers.push(random.pick(['Connection: close', 'Keep-Alive: timeout=1']))
  const withHead = (status: string, lines: readonly string[], bytes: Buffer, ends = false) => {
    const head = Buffer.from(`${interim}${[status, ...lines].join('\r\n')}\r\n\r\n`, 'latin1')
    return { packets: cut(Buffer.concat([head, bytes]), random), ends }
  }
  const status = random.pick(STATUS_LINES)
  switch (random.below(10)) {
    case 0:
      return withHead(status, [...headers, 'Transfer-Encoding: chunked'], toChunks(body, random))
    case 1:
      return withHead('HTTP/1.1 304 Not Modified', headers, Buffer.alloc(0))
    case 2:
      return withHead('HTTP/1.1 204 No Content', headers, Buffer.alloc(0))
    case 3:
      return withHead(status, headers, body, true)
    default:
      return withHead(status, insert(headers, `Content-Length: ${body.length}`, random), body)
  }
}

/** One that is right, nearly right, or wrong, in a few ways at once. */
function createAny(random: Random): Answer {
  const body = createBody(random)
  const headers = createHeaders(random)
  const ways = random.below(3)
  for (let way = 0; way < ways; way += 1) insert(headers, random.pick(ODD_HEADERS), random)
  if (!random.once(6)) insert(headers, `Content-Length: ${lengthOf(body, random)}`, random)
  else if (random.once(2)) headers.push('Transfer-Encoding: chunked')
  const isChunked = headers.includes('Transfer-Encoding: chunked')
  const status = random.pick(random.once(3) ? STRANGE_STATUS_LINES : STATUS_LINES)
  const head = `${random.once(12) ? random.pick(INTERIMS) : ''}${[status, ...headers].join('\r\n')}\r\n\r\n`
  let bytes: Buffer = Buffer.concat([Buffer.from(head, 'latin1'), isChunked ? toChunks(body, random) : body])
  if (random.once(8)) bytes = Buffer.concat([bytes, Buffer.from(random.pick(WORDS), 'latin1')])
  if (random.once(3)) bytes = change(bytes, random)
  if (random.once(8)) bytes = bytes.subarray(0, random.below(bytes.length + 1))
  return { packets: cut(bytes, random), ends: true }
}

function createHeaders(random: Random): string[] {
  return random.shuffle(HEADERS).slice(random.below(HEADERS.length))
}

function createBody(random: Random): Buffer {
  return CONTENT.subarray(0, random.once(LONG_ONCE_IN) ? random.below(LONG_BYTES) : random.pick(SIZES))
}

/** As it is, mostly. */
function lengthOf({ length }: Buffer, random: Random): number {
  return random.once(4) ? Math.max(0, length + random.below(5) - 2) : length
}

function insert(lines: string[], line: string, random: Random): string[] {
  lines.splice(random.below(lines.length + 1), 0, line)
  return lines
}

/** Changes the head, or what is before the body's end. */
function change(bytes: Buffer, random: Random): Buffer {
  const end = Math.min(bytes.length, 600)
  const other = Buffer.from(random.pick(WORDS), 'latin1')
  return Buffer.concat([mutate(bytes.subarray(0, end), { random, words: WORDS, other }), bytes.subarray(end)])
}

function toChunks(body: Buffer, random: Random): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length;) {
    const part = body.subarray(at, at + 1 + random.below(20_000))
    at += part.length
    parts.push(Buffer.from(`${part.length.toString(16)}${random.once(20) ? ';a=b' : ''}\r\n`), part)
    parts.push(Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

/** As servers send it, or cut anywhere, about its head above all. */
function cut(bytes: Buffer, random: Random): Buffer[] {
  const count = random.once(2) ? 0 : 1 + random.below(4)
  const range = random.once(2) ? Math.min(bytes.length, 400) : bytes.length
  const cuts = Array.from({ length: count }, () => random.below(range + 1))
  const ends = [...cuts.toSorted((a, b) => a - b), bytes.length]
  return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end)).filter(({ length }) => length > 0)
}
