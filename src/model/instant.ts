const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})$/

/**
 * Reads a moment in ISO 8601 as RFC 3339 narrows it: date, time, and `Z` or an offset; seconds and their fractions may be left out.
 * @returns milliseconds since the epoch; undefined for anything else, a date that does not exist included
 */
export function parseInstant(text: string): number | undefined {
  if (!INSTANT.test(text)) return undefined
  const atMs = Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'))
  // Date.parse rolls the 31st of a shorter month over into the next one.
  const day = Number(text.slice(8, 10))
  const daysOfMonth = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate()
  return Number.isNaN(atMs) || day > daysOfMonth ? undefined : atMs
}

/** A moment in ISO 8601, in UTC and to the second: `2026-11-22T02:13:07Z`. */
export function formatInstant(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z')
}
