import { PinyonError } from '../model/errors.ts'

/**
 * The error for repodata that cannot be read.
 * @param doing what was being read, e.g. `reading primary.xml`
 * @param found what is wrong with it, the offending value last
 */
export function malformed(doing: string, found: string, cause?: unknown): PinyonError {
  return new PinyonError('REPODATA_MALFORMED', `${doing}: ${found}`, { cause })
}

/** A value from outside as it can stand in a message: quoted, control characters escaped, 120 characters at most. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 120 ? `${value.slice(0, 119)}…` : value)
}
