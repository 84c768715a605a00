import type { Parsed } from './urls.ts'
import { formatSize } from './size.ts'

const RATE = /^(\d{1,15}(?:\.\d{1,6})?) ?(?:([kKmMgG])(?:iB)?|B)?$/
const PERCENT = /^(\d{1,3}(?:\.\d{1,3})?) ?%$/
const POWERS = { k: 1, m: 2, g: 3 } as const

/** Bytes a second, or a part of a mirror's `bandwidth`, from 0 to 1. */
export type Rate = { readonly bytes: number } | { readonly part: number }

/**
 * Reads bytes a second as dnf does: a number, or one with k, M or G of 1024. `KiB` and the like mean the same; `kB`, which would be of
 * 1000 elsewhere in the file, is refused.
 */
export function parseRate(input: unknown): Parsed<number> {
  const expected = 'bytes a second such as 1000, 500k or 5M (of 1024, as in dnf)'
  if (typeof input !== 'number' && typeof input !== 'string') return { expected }
  const text = String(input)
  const [matched, amount = '', unit = ''] = RATE.exec(text) ?? []
  if (matched === undefined) return { expected }
  const power = unit === '' ? 0 : POWERS[unit.toLowerCase() as keyof typeof POWERS]
  const bytes = Math.round(Number(amount) * 1024 ** power)
  return Number.isSafeInteger(bytes) ? { value: bytes } : { expected }
}

/** Reads a throttle: a rate, or a percentage of the bandwidth; 0 is none. */
export function parseThrottle(input: unknown): Parsed<Rate> {
  const percent = typeof input === 'string' ? PERCENT.exec(input)?.[1] : undefined
  if (percent !== undefined && Number(percent) <= 100) return { value: { part: Number(percent) / 100 } }
  const parsed = parseRate(input)
  return 'value' in parsed
    ? { value: { bytes: parsed.value } }
    : { expected: 'bytes a second such as 500k or 5M (of 1024, as in dnf), a percentage of bandwidth, or 0' }
}

/** Writes bytes a second so that {@link parseRate} reads them back. */
export function formatRate(bytes: number): string | number {
  return bytes % 1024 === 0 && bytes > 0 && bytes < 1024 ** 4 ? formatSize(bytes) : bytes
}
