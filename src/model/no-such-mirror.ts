import { PinyonError } from './errors.ts'
import { suggestKey } from './suggest.ts'

/** So many names are worth reading in an error. */
const NAMED = 5
/** What is shown of a name that somebody else made up, in characters. */
const SHOWN_LENGTH = 80

/**
 * NOT_FOUND for a mirror that is not there: which one may be meant, or which there are.
 * @param known the names of those that there are
 * @param where in what it was looked for, such as a configuration file
 */
export function noSuchMirror(name: string, known: Iterable<string>, where?: string): PinyonError {
  const place = where === undefined ? '' : ` in ${where}`
  const shown = name.slice(0, SHOWN_LENGTH).toWellFormed()
  return new PinyonError('NOT_FOUND', `no such mirror${place}, ${describeKnown(name, [...known])}: ${shown}`)
}

function describeKnown(name: string, known: readonly string[]): string {
  const meant = suggestKey(name, known)
  if (meant !== undefined) return `perhaps ${meant} is meant`
  if (known.length === 0) return 'there is none yet'
  const named = known.toSorted().slice(0, NAMED)
  const more = known.length > NAMED ? ` and ${known.length - NAMED} more` : ''
  return `there ${known.length === 1 ? 'is' : 'are'} ${named.join(', ')}${more}`
}
