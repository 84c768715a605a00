import type { InsertedMirror } from './mirror-map.ts'
import { PinyonError } from '../model/errors.ts'

/** Yum and dnf take spaces and commas for the end of a URL; what comes after a line break would be another key. */
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const URL_FORM = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s,\u0000-\u001f\u007f]+$/
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const ID_FORM = /^[^\]\u0000-\u001f\u007f]+$/

/**
 * Refuses an index's section that would not be read back as what it is.
 *
 * @throws {PinyonError} INJECTION_REFUSED naming the section; its facts have line 0, for it stands in no configuration
 */
export function checkMirror({ id, url }: InsertedMirror): void {
  if (!ID_FORM.test(id)) refuse(id, 'a section id without brackets and control characters', id)
  if (!URL_FORM.test(url)) refuse(id, 'an absolute URL without spaces and commas', url)
}

function refuse(id: string, expected: string, found: string): never {
  const quoted = JSON.stringify(found.slice(0, 200))
  const message = `mirror ${JSON.stringify(id.slice(0, 100))} of the index: expected ${expected}, found ${quoted}`
  throw new PinyonError('INJECTION_REFUSED', message, { line: 0, expected, found: quoted })
}
