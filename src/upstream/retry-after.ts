/** However long a server wants to be left alone: a mistaken header must not end a mirror, in milliseconds. */
export const LONGEST_REST_MS = 600_000

/** Statuses whose Retry-After says when to come again: RFC 9110, section 10.2.3, and RFC 6585, section 4. */
const RESTING = new Set([429, 503])

/**
 * How long a server wants not to be asked, by its answer's status and Retry-After: seconds, or a date. At most ten minutes; undefined when
 * it does not say, or not for the time to come.
 * @param nowMs milliseconds since the epoch
 */
export function readRetryAfter(
  status: number,
  header: string | string[] | undefined,
  nowMs: number,
): number | undefined {
  if (!RESTING.has(status) || typeof header !== 'string') return undefined
  const text = header.trim()
  const restMs = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : parseDate(text) - nowMs
  return restMs > 0 ? Math.min(restMs, LONGEST_REST_MS) : undefined
}

/** NaN for what is no date of RFC 9110, all of which name a day or a month in letters. */
function parseDate(text: string): number {
  return /^[A-Za-z]{3,9},? .{5,40}$/.test(text) ? Date.parse(text) : Number.NaN
}
