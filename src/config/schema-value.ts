import { resolve } from 'node:path'
import * as z from 'zod'
import type { Parsed } from './urls.ts'

/** A schema made of one parser: its refusal becomes the issue's message. */
export function value<T>(parse: (input: unknown) => Parsed<T>) {
  return z.unknown().transform((input, context): T => {
    const parsed = parse(input)
    if ('value' in parsed) return parsed.value
    context.issues.push({ code: 'custom', message: parsed.expected, input })
    return z.NEVER
  })
}

/** Parses a string; anything else is not what was expected. */
export function parseText<T>(
  input: unknown,
  expected: string,
  parse: (text: string) => Parsed<T>,
): Parsed<T> {
  return typeof input === 'string' ? parse(input) : { expected }
}

/** Reads a path and makes it absolute. @param base the directory that it is relative to */
export function parsePath(input: unknown, base: string, expected: string): Parsed<string> {
  // oxlint-disable-next-line no-control-regex -- refusing control characters is the point
  if (typeof input !== 'string' || input === '' || /[\u0000-\u001f]/.test(input)) return { expected }
  if (/^~(?:\/|$)/.test(input)) return { expected: `${expected}; for your home directory write \${HOME}` }
  return { value: resolve(base, input) }
}

/** Reads a whole number within bounds. */
export function parseCount(input: unknown, min: number, max: number): Parsed<number> {
  const allowed = typeof input === 'number' && Number.isInteger(input) && input >= min && input <= max
  return allowed ? { value: input } : { expected: `a whole number from ${min} to ${max}` }
}

/** Reads true or false. */
export function parseBoolean(input: unknown): Parsed<boolean> {
  return typeof input === 'boolean' ? { value: input } : { expected: 'true or false' }
}
