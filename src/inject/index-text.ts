import { Lexer, parseDocument } from 'yaml'

import { PinyonError } from '../model/errors.ts'
import { parsePythonLiterals } from './python-literal.ts'

/** How an index is written: as `all_latest.json`, `.yaml` or `.py`, or whichever of these it turns out to be. */
export type IndexForm = 'json' | 'yaml' | 'py' | 'auto'

/** Words and signs of YAML, each of which costs its parser about 1 KB: some 30,000 mirrors. */
const YAML_TOKENS_MAX = 200_000
/** Of an index the deepest is a pair in a list in a map in a map. */
const YAML_DEPTH_MAX = 16

const ASSIGNMENT = /^\s*(?:#[^\n]*\n\s*)*[A-Za-z_]\w*[ \t]*=/

/** The form that a file's name or a URL's path tells. */
export function indexFormOf(path: string): IndexForm {
  const [, extension] = /\.(json|ya?ml|py)$/i.exec(path) ?? []
  if (extension === undefined) return 'auto'
  return extension.toLowerCase() === 'yml' ? 'yaml' : (extension.toLowerCase() as IndexForm)
}

/**
 * Reads what an index says, whatever that is.
 * @param bytes UTF-8, of whatever origin; time and memory are bounded by their number
 * @throws PinyonError INDEX_UNREADABLE with what is wrong and where, which is what a truncated one gives too
 */
export function parseIndexText(bytes: Uint8Array, form: IndexForm): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: form === 'json' }).decode(bytes)
    return parse(text, form)
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    const found = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'bytes that are not UTF-8' : message
    const expected = form === 'auto' ? 'JSON, YAML or latest_ci_repos = {…}' : NAMES[form]
    throw new PinyonError('INDEX_UNREADABLE', `expected ${expected}, found ${bytes.length} bytes: ${found}`, {
      cause: error,
    })
  }
}

const NAMES = { json: 'JSON', yaml: 'YAML', py: 'latest_ci_repos = {…}' } as const

function parse(text: string, form: IndexForm): unknown {
  if (form === 'json') return JSON.parse(text)
  if (form === 'py' || (form === 'auto' && ASSIGNMENT.test(text)))
    return Object.fromEntries(parsePythonLiterals(text))
  if (form === 'auto' && /^\s*\{/.test(text)) {
    try {
      return JSON.parse(text)
    } catch {
      // YAML may begin so as well.
    }
  }
  return parseYaml(text)
}

function parseYaml(text: string): unknown {
  refuseExcess(text)
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    stringKeys: true,
    uniqueKeys: false,
  })
  const [error] = [...document.errors, ...document.warnings]
  if (error !== undefined) throw error
  return document.toJS() as unknown
}

/** What would take the parser too much memory or stack is counted before it begins. */
function refuseExcess(text: string): void {
  let count = 0
  let depth = 0
  let dashes = 0
  for (const token of new Lexer().lex(text)) {
    count += 1
    if (token === '[' || token === '{') depth += 1
    else if (token === ']' || token === '}') depth -= 1
    else if (token === '-' || token === '?') dashes += 1
    else if (/^\r?\n/.test(token)) dashes = 0
    if (count > YAML_TOKENS_MAX) throw new SyntaxError(`more than ${YAML_TOKENS_MAX} words and signs`)
    if (depth + dashes > YAML_DEPTH_MAX) throw new SyntaxError(`more than ${YAML_DEPTH_MAX} levels`)
  }
}
