import * as z from 'zod'
import { parseCount, parseText, value } from './schema-value.ts'
import { formatDuration, parseDuration } from '../model/duration.ts'
import { formatSize, parseSize } from './size.ts'
import type { Parsed } from './urls.ts'

/** What stands for an absent key of `retention`, as one would write it. */
export const RETENTION_DEFAULTS = {
  keep: 100,
  max_age: '14d',
  keep_used: '3d',
  grace: 0,
  removed: '14d',
} as const

/** What stands for an absent key of `cache`. */
export const CACHE_DEFAULTS = { max_size: '200GiB', memory: '256MiB' } as const

/** Ten years: beyond what anyone keeps, and far from overflowing a date. */
const DURATION_MAX_MS = 3650 * 86_400_000
const KEEP_MAX = 100_000
const SIZE_MIN_BYTES = 1024 * 1024
const MEMORY_MAX_BYTES = 64 * 1024 ** 3

/** `retention`: how long snapshots are kept. */
export function retentionSchema() {
  return z
    .strictObject(
      {
        keep: value((input) => parseCount(input, 1, KEEP_MAX)).prefault(RETENTION_DEFAULTS.keep),
        max_age: value((input) => parseTime(input, 1000)).prefault(RETENTION_DEFAULTS.max_age),
        keep_used: value((input) => parseTime(input, 0)).prefault(RETENTION_DEFAULTS.keep_used),
        grace: value((input) => parseCount(input, 0, KEEP_MAX)).prefault(RETENTION_DEFAULTS.grace),
        removed: value((input) => parseTime(input, 0)).prefault(RETENTION_DEFAULTS.removed),
      },
      { error: 'a mapping of keys such as keep' },
    )
    .prefault({})
}

/** `cache`: how much is kept of what can be fetched again. */
export function cacheSchema() {
  return z
    .strictObject(
      {
        max_size: value((input) => parseBytes(input, Number.MAX_SAFE_INTEGER)).prefault(
          CACHE_DEFAULTS.max_size,
        ),
        memory: value((input) => parseBytes(input, MEMORY_MAX_BYTES)).prefault(CACHE_DEFAULTS.memory),
      },
      { error: 'a mapping of keys such as max_size' },
    )
    .prefault({})
}

/** Reads a duration of so many milliseconds, at least and at most. */
export function parseTime(input: unknown, minMs: number, maxMs = DURATION_MAX_MS): Parsed<number> {
  const expected = `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as 14d`
  return parseText(input, expected, (text) => {
    const durationMs = parseDuration(text)
    const allowed = durationMs !== undefined && durationMs >= minMs && durationMs <= maxMs
    return allowed ? { value: durationMs } : { expected }
  })
}

/** A number alone is bytes. */
export function parseBytes(input: unknown, max: number, min = SIZE_MIN_BYTES): Parsed<number> {
  const expected = `a size of at least ${formatSize(min)}, such as 200GiB`
  const bytes = parseSize(String(input))
  const isSize = typeof input === 'string' || typeof input === 'number'
  if (!isSize || bytes === undefined || bytes < min) return { expected }
  return bytes <= max ? { value: bytes } : { expected: `a size of at most 64GiB` }
}
