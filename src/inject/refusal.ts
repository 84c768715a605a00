import { PinyonError } from '../model/errors.ts'

const FOUND_MAX = 80

/** A line with one of these may hold a secret. */
const SECRET_WORD = /(pass(?:word|wd)?|username|secret|token)\b.*/is
const CREDENTIALS = /\/\/[^/\s]*@/g

/** A line of a configuration without what follows a word for a secret in it. */
export function maskSecrets(text: string): string {
  return text.replace(SECRET_WORD, '$1***')
}

/**
 * The error for a configuration that cannot be injected into.
 *
 * @param line 1-based
 * @param found what is there: quoted, cut and without its secrets before anybody sees it
 */
export function refuseInjection(line: number, expected: string, found: string): PinyonError {
  const masked = maskSecrets(found.slice(0, 1_000)).replace(CREDENTIALS, '//***@')
  const shown = masked.length > FOUND_MAX ? `${masked.slice(0, FOUND_MAX)}…` : masked
  // Also what a terminal would take for a command: JSON leaves DEL and what follows it alone.
  const quoted = JSON.stringify(shown).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return new PinyonError('INJECTION_REFUSED', `line ${line}: expected ${expected}, found ${quoted}`, {
    line,
    expected,
    found: quoted,
  })
}
