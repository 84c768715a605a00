/** The head of an answer that is as simple as most are. */
export interface ReplyHead {
  readonly statusCode: number
  /** By their names in lower case; those that come more than once as a list. */
  readonly headers: Record<string, string | string[]>
  /** Of the body, in bytes. */
  readonly length: number
  /** How long the connection may wait for its next request, in milliseconds; 0 where it may not. */
  readonly idleMs: number
}

/** Longer ones are not simple, in bytes. */
export const MAX_HEAD_BYTES = 8 << 10

/** What undici takes a server to wait for, unless that says, and at most; and what it is early by, in milliseconds. */
const IDLE_MS = 4_000
const MAX_IDLE_MS = 600_000
const EARLY_MS = 2_000

/** What says where the answer ends otherwise, or that it is none; and what an object is not to be given as a field. */
const NOT_SIMPLE = new Set(['transfer-encoding', 'upgrade', 'proxy-connection', '__proto__'])

/** The status line and one header each (RFC 9112, sections 4 and 5), of what {@link VISIBLE} has let pass. */
const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d) [^\r\n]*$/
/** The same of an answer before the real one; of 101 the real one is none of HTTP. */
const INTERIM_LINE = /^HTTP\/1\.1 1(?:00(?: [^\r\n]*)?|(?!0[01])\d\d [^\r\n]*)$/
const INTERIM_BEGIN = Buffer.from('HTTP/1.1 1', 'latin1')
const CONTINUE_BEGIN = /^HTTP\/1\.1 100[ \r]/
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const VISIBLE = /^[\t\r\n\x20-\x7e]*$/

/** Where a head ends that begins with a buffer's first byte; -1 when it has not come whole. */
export function findHeadEnd(bytes: Buffer, count: number): number {
  const end = bytes.subarray(0, Math.min(count, MAX_HEAD_BYTES)).indexOf('\r\n\r\n', 0, 'latin1')
  return end < 0 ? -1 : end + 4
}

/**
 * Reads a head of the simple form: of HTTP/1.1 and a final status, in visible ASCII, one header a line, and the length of the body told once, in
 * digits. Whatever else is allowed, or tolerated, is for undici to judge.
 * @param end what {@link findHeadEnd} gave
 * @returns undefined for any other
 */
export function readReplyHead(bytes: Buffer, end: number): ReplyHead | undefined {
  const text = bytes.toString('latin1', 0, end - 4)
  if (!VISIBLE.test(text)) return undefined
  const lines = text.split('\r\n')
  const status = STATUS_LINE.exec(lines[0] as string)?.[1]
  if (status === undefined) return undefined
  const headers: ReplyHead['headers'] = {}
  for (let at = 1; at < lines.length; at += 1) if (!addHeader(headers, lines[at] as string)) return undefined
  return judge(Number(status), headers)
}

/** Whether an answer before the real one begins there (RFC 9110, section 15.2). */
export function isInterim(bytes: Buffer): boolean {
  return bytes.length >= INTERIM_BEGIN.length && INTERIM_BEGIN.compare(bytes, 0, INTERIM_BEGIN.length) === 0
}

/** Whether that is 100 Continue. */
export function isContinue(bytes: Buffer): boolean {
  return CONTINUE_BEGIN.test(bytes.toString('latin1', 0, 13))
}

/**
 * Whether the head of an answer before the real one is of the simple form, and says nothing of a body or the connection but in a 100 Continue.
 * @param end what {@link findHeadEnd} gave
 */
export function isInterimHead(bytes: Buffer, end: number): boolean {
  const text = bytes.toString('latin1', 0, end - 4)
  const [line = '', ...lines] = text.split('\r\n')
  const headers: ReplyHead['headers'] = {}
  if (!VISIBLE.test(text) || !INTERIM_LINE.test(line)) return false
  if (!lines.every((one) => addHeader(headers, one))) return false
  return (
    isContinue(bytes) ||
    ['content-length', 'connection', 'keep-alive'].every((name) => own(headers, name) === undefined)
  )
}

/** @returns false for what is no header of the simple form */
function addHeader(headers: ReplyHead['headers'], line: string): boolean {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon).toLowerCase()
  // Spaces at its end are a part of it for undici.
  if (colon < 1 || !NAME.test(name) || NOT_SIMPLE.has(name) || /[\r\n]|[ \t]$/.test(line)) return false
  const value = line.slice(colon + 1).trimStart()
  const known = Object.hasOwn(headers, name) ? headers[name] : undefined
  if (known === undefined) headers[name] = value
  else if (typeof known === 'string') headers[name] = [known, value]
  else known.push(value)
  return true
}

function judge(statusCode: number, headers: ReplyHead['headers']): ReplyHead | undefined {
  const length = readBodyLength(statusCode, own(headers, 'content-length'))
  const connection = own(headers, 'connection') ?? 'keep-alive'
  if (length === undefined || typeof connection !== 'string') return undefined
  const word = connection.toLowerCase()
  if (word !== 'keep-alive' && word !== 'close') return undefined
  const idleMs = word === 'close' ? 0 : readIdleMs(own(headers, 'keep-alive'))
  return { statusCode, headers, length, idleMs }
}

function own(headers: ReplyHead['headers'], name: string): string | string[] | undefined {
  return Object.hasOwn(headers, name) ? headers[name] : undefined
}

/** Undefined where it is not told, or there is none whatever is told (RFC 9112, section 6.3). */
function readBodyLength(statusCode: number, told: string | string[] | undefined): number | undefined {
  if (statusCode === 304 && told === undefined) return 0
  if (statusCode === 204 || statusCode === 304) return undefined
  return typeof told === 'string' && /^\d{1,15}$/.test(told) ? Number(told) : undefined
}

function readIdleMs(told: string | string[] | undefined): number {
  const seconds = told === undefined ? undefined : /timeout=(\d+)/.exec(String(told))?.[1]
  if (seconds === undefined) return IDLE_MS
  return Math.max(0, Math.min(Number(seconds) * 1_000 - EARLY_MS, MAX_IDLE_MS))
}
