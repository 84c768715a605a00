import type { IncomingHttpHeaders } from 'node:http'

/** What a resource is compared by. */
export interface Validator {
  /** With its quotes; always strong here. */
  readonly etag: string
  /** Milliseconds since the epoch, whole seconds; undefined for what has no date. */
  readonly lastModifiedMs: number | undefined
  /** False where the date can go back, as under `latest/` after a roll-back: then only the very same date is "not modified". */
  readonly immutable?: boolean
}

/**
 * Evaluates a GET's or HEAD's preconditions in the order of RFC 9110 §13.2.2.
 * @returns what the answer has to be: the resource, 304, or 412
 */
export function evaluateConditions(
  headers: IncomingHttpHeaders,
  validator: Validator,
): 'proceed' | 'not_modified' | 'failed' {
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined) {
    if (!listsEtag(ifMatch, validator.etag, 'strong')) return 'failed'
  } else {
    const since = parseDate(headers['if-unmodified-since'])
    if (since !== undefined && validator.lastModifiedMs !== undefined && validator.lastModifiedMs > since)
      return 'failed'
  }
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch !== undefined)
    return listsEtag(ifNoneMatch, validator.etag, 'weak') ? 'not_modified' : 'proceed'
  const since = parseDate(headers['if-modified-since'])
  const { lastModifiedMs, immutable } = validator
  if (since === undefined || lastModifiedMs === undefined) return 'proceed'
  const unmodified = immutable === false ? lastModifiedMs === since : lastModifiedMs <= since
  return unmodified ? 'not_modified' : 'proceed'
}

/** Whether a Range header counts, by If-Range (RFC 9110 §13.1.5): a strong ETag or exactly our date. */
export function rangeApplies(headers: IncomingHttpHeaders, validator: Validator): boolean {
  const ifRange = headers['if-range']
  if (typeof ifRange !== 'string') return true
  if (ifRange.startsWith('"')) return ifRange.trim() === validator.etag
  const date = parseDate(ifRange)
  return date !== undefined && date === validator.lastModifiedMs
}

/** Whether a list of entity tags, or `*`, has one (RFC 9110 §8.8.3.2); a weak one never matches strongly. */
export function listsEtag(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true
  for (const [, weak, tag] of header.matchAll(/(W\/)?("[^"]*")/g))
    if (tag === etag && (weak === undefined || comparison === 'weak')) return true
  return false
}

/** The three forms of an HTTP date (RFC 9110 §5.6.7). Date.parse alone reads nearly anything, `5` included, as some date. */
const FIXDATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/
const RFC850_DATE = /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/

/** Milliseconds since the epoch; undefined for a date that is absent or none, which is to be ignored. */
function parseDate(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const text = ASCTIME_DATE.test(header) ? `${header} GMT` : header
  if (text === header && !FIXDATE.test(text) && !RFC850_DATE.test(text)) return undefined
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? undefined : atMs
}
