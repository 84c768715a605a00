import { PinyonError } from '../model/errors.ts'

/** Of what was found, so that nothing long, and nothing that a terminal acts on, gets into a message. */
const MAX_SHOWN = 60

/** The error for OpenPGP or RPM bytes that cannot be read: what was found, and its value. */
export function malformed(what: string, value: string | number): PinyonError {
  return new PinyonError('SIGNATURE_MALFORMED', `${what}: ${printable(String(value), MAX_SHOWN)}`)
}

/** Text from outside on one line, cut to a length, without what a terminal might act on. */
export function printable(text: string, maxLength: number): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
    .slice(0, maxLength)
}

/** A time as its day, in UTC. */
export function toDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
