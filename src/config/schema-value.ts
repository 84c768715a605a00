import { z } from 'zod'
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
