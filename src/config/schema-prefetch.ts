import * as z from 'zod'
import { POLICIES, type Policy } from '../model/prefetch.ts'
import { parseBytes, parseTime } from './schema-storage.ts'
import { parseCount, value } from './schema-value.ts'
import type { Parsed } from './urls.ts'

/** What stands for an absent key of `prefetch`, as one would write it. */
export const PREFETCH_DEFAULTS = { parallel: 4, throttle: '20MiB' } as const

const PARALLEL_MAX = 64
const WINDOW_MIN_MS = 1000
/** Names are not remembered for longer. */
const WINDOW_MAX_MS = 366 * 86_400_000
const THROTTLE_MIN_BYTES = 64 * 1024

/** `prefetch`: how fast packages are fetched that nobody waits for. */
export function prefetchSchema() {
  return z
    .strictObject(
      {
        parallel: value((input) => parseCount(input, 1, PARALLEL_MAX)).prefault(PREFETCH_DEFAULTS.parallel),
        throttle: value(parseThrottle).prefault(PREFETCH_DEFAULTS.throttle),
      },
      { error: 'a mapping of keys such as throttle' },
    )
    .prefault({})
}

/** Reads a policy. */
export function parsePolicy(input: unknown): Parsed<Policy> {
  const found = POLICIES.find((policy) => policy === input)
  return found === undefined
    ? { expected: `${POLICIES.slice(0, -1).join(', ')} or ${POLICIES.at(-1)}` }
    : { value: found }
}

/** Reads how long a package name counts as used. */
export function parseWindow(input: unknown): Parsed<number> {
  return parseTime(input, WINDOW_MIN_MS, WINDOW_MAX_MS)
}

/** Bytes a second; yum's 0 is no bound. */
function parseThrottle(input: unknown): Parsed<number | undefined> {
  if (input === 0 || input === '0') return { value: undefined }
  const parsed = parseBytes(input, Number.MAX_SAFE_INTEGER, THROTTLE_MIN_BYTES)
  return 'expected' in parsed
    ? { expected: 'bytes a second such as 20MiB, at least 64KiB, or 0 for no bound' }
    : parsed
}
