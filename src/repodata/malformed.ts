import { PinyonError } from '../model/errors.ts'

/** A library's message may hold all of the document that it is about. */
const MAX_REASON_LENGTH = 400

/**
 * The error for repodata that cannot be read.
 * @param doing what was being read, e.g. `reading primary.xml`
 * @param found what is wrong with it, the offending value last; cut to 400 characters
 */
export function malformed(doing: string, found: string, cause?: unknown): PinyonError {
  const reason = found.length > MAX_REASON_LENGTH ? `${found.slice(0, MAX_REASON_LENGTH - 1)}…` : found
  return new PinyonError('REPODATA_MALFORMED', `${doing}: ${reason}`, { cause })
}

/** A value from outside as it can stand in a message: quoted, control characters escaped, 120 characters at most. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 120 ? `${value.slice(0, 119)}…` : value)
}
