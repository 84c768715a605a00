import { isMap, isScalar, isSeq, type Node } from 'yaml'

import { maskQuery } from '../model/shown-url.ts'

const SHOWN_LENGTH = 80

/** Characters a terminal might act on, or a log take for the end of a line. */
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** A path of keys and indexes as one word: `mirrors.epel.baseurl[1]`. */
export function describeKey(path: readonly PropertyKey[]): string {
  const words = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`
    const name = String(part)
    return `.${/^[\w.+@~-]+$/.test(name) ? shorten(name) : quote(name)}`
  })
  return words.join('').replace(/^\./, '')
}

/**
 * What stands at a node, for people: scalars as written, strings quoted, collections by kind.
 *
 * @param written the text of a string whose `${…}` was expanded; shown in place of the value, which may be a secret
 */
export function describeNode(node: Node | null | undefined, written: string | undefined): string {
  if (isMap(node)) return 'a mapping'
  if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : 'a list'
  if (!isScalar(node) || node.value === null) return 'nothing'
  if (written !== undefined) return `the ${typeof node.value} that ${quoteSecret(written)} expands to`
  return typeof node.value === 'string'
    ? quoteSecret(node.value)
    : clean(node.source ?? JSON.stringify(node.value))
}

/** A string in double quotes, shortened, with everything a terminal might act on escaped. */
export function quote(text: string): string {
  return escapeControls(JSON.stringify(shorten(text)))
}

/** As {@link quote}, for a string that may hold credentials. */
export function quoteSecret(text: string): string {
  return quote(maskText(text))
}

/** Text of unknown origin on one line, shortened, without credentials. */
export function clean(text: string): string {
  return escapeControls(shorten(maskText(text)))
}

/** Hides whatever may be a secret in a URL that need not be well-formed: all before the last `@` but the scheme, and its query. */
function maskText(text: string): string {
  const masked = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@')
  // Else it is a question.
  return /[:/].*\?/s.test(masked) ? maskQuery(masked) : masked
}

function shorten(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH).toWellFormed()}…`
}

function escapeControls(text: string): string {
  return text.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
