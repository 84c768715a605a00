import { LRUCache } from 'lru-cache'

import { REQUEST_ID } from '../request-id.ts'

/** A request of the simple form: one without a body, of nothing but a target and what may be said about a file. */
export interface SimpleRequest {
  readonly method: 'GET' | 'HEAD'
  /** As it was sent. It is not judged here: it has to be one that is known, or {@link isPlainTarget}. */
  readonly target: string
  readonly headers: SimpleHeaders
  /** The id that it brings along. */
  readonly id: string | undefined
}

/** What the headers of such a request say to us. */
export interface SimpleHeaders {
  /** As it was sent. */
  readonly host: string
  readonly userAgent: string | undefined
  /** X-Forwarded-For, as it was sent. */
  readonly forwardedFor: string | undefined
  readonly keepsAlive: boolean
  /** Whether, and which part of, a file is wanted; undefined for all of it. */
  readonly conditions: SimpleConditions | undefined
}

/** Those of a request's conditions that are in it. Each has a form that every parser reads alike. */
export type SimpleConditions = Partial<
  Record<'if-none-match' | 'if-modified-since' | 'range' | 'if-range', string>
>

/** Longer requests than any client of packages sends, in bytes: zchunk's of 256 ranges is one of five thousand. */
const MAX_BYTES = 8_192

/**
 * Headers that say nothing about how a snapshot's file is answered: what librepo, yum, libzypp, curl, wget and load generators send, and a
 * reverse proxy adds: whom it asks for counts where it is trusted. `Cache-Control` and `Pragma` of a request mean no revalidation here.
 */
const HARMLESS: ReadonlySet<string> = new Set([
  'host',
  'user-agent',
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'pragma',
  'connection',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-zypp-anonymousid',
  'x-zypp-distributionflavor',
])

/** One strong ETag. */
const ETAG = /^"[\x21\x23-\x7e]{1,200}"$/
const DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/
const RANGES = /^bytes=[\d, -]+$/
/** Headers that say which part of a file is wanted, if any, and the one form in which they are read here. */
const CONDITIONS: ReadonlyMap<string, RegExp> = new Map<keyof SimpleConditions, RegExp>([
  ['if-none-match', ETAG],
  ['if-modified-since', DATE],
  ['range', RANGES],
  ['if-range', ETAG],
])

const TARGET = /^\/[\x21-\x7e]*$/
const VERSION = ' HTTP/1.1\r\n'
const END = '\r\n\r\n'
/** One space after the colon, visible ASCII, no white space at either end: a value that has one meaning to every parser. */
const FIELD = /^([A-Za-z][A-Za-z-]{0,63}): ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/

/** A further header of any request: an id such as {@link REQUEST_ID} takes. A second one of them is for a whole parser to judge. */
const REQUEST_ID_LINE = new RegExp(
  `(?<=^|\\r\\n)x-request-id: (${REQUEST_ID.source.slice(1, -1)})\\r\\n`,
  'i',
)

/** Header blocks remembered: clients of one kind send the same. */
const REMEMBERED_BLOCKS = 500

/** Reads requests of the simple form, and of no other: what differs in a single byte is for a whole parser to judge. */
export class RequestReader {
  readonly #blocks = new LRUCache<string, SimpleHeaders>({ max: REMEMBERED_BLOCKS })
  /** The one that was read last: to be compared is cheaper than to be looked up. */
  #last: { readonly block: string; readonly headers: SimpleHeaders } | undefined

  /** The request, if the first so many bytes are exactly one. */
  read(bytes: Buffer, count = bytes.length): SimpleRequest | undefined {
    if (count > MAX_BYTES) return undefined
    // One character a byte, as node's parser reads them.
    const text = bytes.toString('latin1', 0, count)
    const method = text.startsWith('GET ') ? 'GET' : text.startsWith('HEAD ') ? 'HEAD' : undefined
    if (method === undefined) return undefined
    const start = method.length + 1
    const end = text.indexOf(VERSION, start)
    if (end < 0) return undefined
    const target = text.slice(start, end)
    const block = text.slice(end + VERSION.length)
    const known = this.#find(block)
    if (known !== undefined) return { method, target, headers: known, id: undefined }
    // A block that was not seen before, or would have been but for the id in it, which differs with every request.
    const found = REQUEST_ID_LINE.exec(block)
    const common = found === null ? block : cutOut(block, found)
    const headers = this.#find(common) ?? this.#parse(common)
    return headers === undefined ? undefined : { method, target, headers, id: found?.[1] }
  }

  #find(block: string): SimpleHeaders | undefined {
    if (block === this.#last?.block) return this.#last.headers
    const headers = this.#blocks.get(block)
    if (headers !== undefined) this.#last = { block, headers }
    return headers
  }

  #parse(block: string): SimpleHeaders | undefined {
    const headers = parseHeaderBlock(block)
    if (headers === undefined) return undefined
    this.#blocks.set(block, headers)
    this.#last = { block, headers }
    return headers
  }
}

function cutOut(text: string, { index, 0: found }: RegExpExecArray): string {
  return text.slice(0, index) + text.slice(index + found.length)
}

/** Whether a target is one for every parser: until it is known, what stands there may be the end of one request and the beginning of another. */
export function isPlainTarget(target: string): boolean {
  return TARGET.test(target)
}

/** Reads the lines between a request line and a body; undefined unless every one of them is known, and is there once. */
export function parseHeaderBlock(block: string): SimpleHeaders | undefined {
  if (!block.endsWith(END)) return undefined
  const fields = new Map<string, string>()
  const conditions: Record<string, string> = {}
  for (const line of block.slice(0, -END.length).split('\r\n')) {
    const [, name = '', value = ''] = FIELD.exec(line) ?? []
    const key = name.toLowerCase()
    if (fields.has(key)) return undefined
    if (CONDITIONS.get(key)?.test(value) === true) conditions[key] = value
    else if (!HARMLESS.has(key)) return undefined
    fields.set(key, value)
  }
  const host = fields.get('host')
  const connection = fields.get('connection')?.toLowerCase() ?? 'keep-alive'
  if (host === undefined || (connection !== 'keep-alive' && connection !== 'close')) return undefined
  return {
    host,
    userAgent: fields.get('user-agent'),
    forwardedFor: fields.get('x-forwarded-for'),
    keepsAlive: connection === 'keep-alive',
    conditions: Object.keys(conditions).length === 0 ? undefined : conditions,
  }
}
