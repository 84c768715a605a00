import { LRUCache } from 'lru-cache'

/** A request of the simple form: a GET without a body, of nothing but a target. */
export interface SimpleRequest {
  /** As it was sent. It is not judged here: it has to be one that is known. */
  readonly target: string
  readonly headers: SimpleHeaders
}

/** What the headers of such a request say to us. */
export interface SimpleHeaders {
  readonly userAgent: string | undefined
  readonly keepsAlive: boolean
}

/** Longer requests than any client of packages sends, in bytes. */
const MAX_BYTES = 4_096

/**
 * Headers that say nothing about how a snapshot's file is answered: what librepo, yum, libzypp, curl, wget and load generators send, and a
 * reverse proxy adds. `Cache-Control` and `Pragma` of a request mean no revalidation here.
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

const METHOD = 'GET '
const VERSION = ' HTTP/1.1\r\n'
const END = '\r\n\r\n'
/** One space after the colon, visible ASCII, no white space at either end: a value that has one meaning to every parser. */
const FIELD = /^([A-Za-z][A-Za-z-]{0,63}): ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/

/** Header blocks remembered: clients of one kind send the same. */
const REMEMBERED_BLOCKS = 500

/** Reads requests of the simple form, and of no other: what differs in a single byte is for a whole parser to judge. */
export class RequestReader {
  readonly #blocks = new LRUCache<string, SimpleHeaders>({ max: REMEMBERED_BLOCKS })

  /** The request, if this is exactly one. */
  read(bytes: Buffer): SimpleRequest | undefined {
    if (bytes.length > MAX_BYTES) return undefined
    // One character a byte, as node's parser reads them.
    const text = bytes.toString('latin1')
    const end = text.indexOf(VERSION, METHOD.length)
    if (end < 0 || !text.startsWith(METHOD)) return undefined
    const block = text.slice(end + VERSION.length)
    const headers = this.#blocks.get(block) ?? this.#readBlock(block)
    return headers === undefined ? undefined : { target: text.slice(METHOD.length, end), headers }
  }

  #readBlock(block: string): SimpleHeaders | undefined {
    const headers = parseHeaderBlock(block)
    if (headers !== undefined) this.#blocks.set(block, headers)
    return headers
  }
}

/** Reads the lines between a request line and a body; undefined unless every one of them is known to be harmless, and is there once. */
export function parseHeaderBlock(block: string): SimpleHeaders | undefined {
  if (!block.endsWith(END)) return undefined
  const fields = new Map<string, string>()
  for (const line of block.slice(0, -END.length).split('\r\n')) {
    const [, name = '', value = ''] = FIELD.exec(line) ?? []
    const key = name.toLowerCase()
    if (!HARMLESS.has(key) || fields.has(key)) return undefined
    fields.set(key, value)
  }
  const connection = fields.get('connection')?.toLowerCase() ?? 'keep-alive'
  if (!fields.has('host') || (connection !== 'keep-alive' && connection !== 'close')) return undefined
  return { userAgent: fields.get('user-agent'), keepsAlive: connection === 'keep-alive' }
}
