import type { PinyonError } from '../model/errors.ts'
import { refuseInjection } from './refusal.ts'
import { readPythonString, type PythonString } from './python-string.ts'

/** A package manager's configuration within a mock configuration: literals whose texts make one, one after the other. */
export interface MockText {
  readonly literals: PythonString[]
  /** Whether it continues a text that is not known: one of an included file, or made by a program. */
  readonly isContinued: boolean
}

/** The configurations of a mock configuration, and where it has more than texts. */
export interface MockTexts {
  readonly texts: readonly MockText[]
  /** `offset` is into the source. */
  readonly warnings: readonly { readonly offset: number; readonly text: string }[]
}

/** Mock's own configurations have a dozen. */
const LITERALS_MAX = 200_000

/** What is no letter, quote or comment; a comment; or a name. */
const TOKEN = /[^#'"A-Za-z_]+|#[^\n]*|[A-Za-z_][A-Za-z_0-9]*|['"]/y
const STRING_PREFIX = /^(?:[rubf]|rf|fr|rb|br)$/i
/** `yum.conf`, `dnf.conf`, or one made of the package manager's name. */
const NAME = /[rRuUfF]{0,2}(['"])((?:yum|dnf)\.conf|\{[^'"\n]*package_manager[^'"\n]*\}\.conf)\1/y
const ASSIGNMENT = new RegExp(
  String.raw`config_opts[ \t]*\[[ \t]*${NAME.source}[ \t]*\][ \t]*(\+?=)(?!=)`,
  'y',
)
const INCLUDE = /include[ \t]*\(/y
const SPACE = /(?:[ \t\f]|\\\r?\n)*/y
const SPACE_AND_LINES = /(?:[ \t\f\r\n]|\\\r?\n|#[^\n]*)*/y
const STATEMENT_END = /(?=[\r\n;#]|$)/y

/**
 * Finds the package managers' configurations of a mock configuration or template: `config_opts['yum.conf'] = """…"""`, and what is
 * appended by `+=`. Python is not evaluated: what is more than literals is left alone.
 *
 * @param source one character a byte
 * @throws {PinyonError} INJECTION_REFUSED for a literal that does not end
 */
export function findMockTexts(source: string): MockTexts {
  const texts: MockText[] = []
  const current = new Map<string, MockText>()
  const warnings: { offset: number; text: string }[] = []
  let left = LITERALS_MAX
  const add = (name: string, text: MockText) => {
    texts.push(text)
    current.set(name, text)
  }
  const leaveAlone = (offset: number, name: string) => {
    warnings.push({
      offset,
      text: `config_opts of ${name} is more than a text here, and was left alone`,
    })
    // What is appended to it later continues what is not known.
    add(name, { literals: [], isContinued: true })
  }
  for (let at = 0; at < source.length;) {
    const [, , name, operator] = matchAt(ASSIGNMENT, source, at) ?? []
    if (name === undefined) {
      if (matchAt(INCLUDE, source, at) !== undefined)
        warnings.push({ offset: at, text: 'what is included here was not looked at' })
      const given = findGivenName(source, at)
      if (given !== undefined) leaveAlone(at, given)
      at = skipToken(source, at)
      continue
    }
    const { literals, end } = readLiterals(source, ASSIGNMENT.lastIndex, left)
    left -= literals.length
    const known = operator === '+=' ? current.get(name) : undefined
    if (literals.length === 0) leaveAlone(at, name)
    else if (known === undefined) add(name, { literals, isContinued: operator === '+=' })
    else for (const literal of literals) known.literals.push(literal)
    at = end
  }
  return { texts: texts.filter(({ literals }) => literals.length > 0), warnings }
}

/** The name at an offset, where a mapping or a call gives it something: `update({'dnf.conf': …})`, `setdefault('dnf.conf', …)`. */
function findGivenName(source: string, at: number): string | undefined {
  const [literal = '', , name] = matchAt(NAME, source, at) ?? []
  if (name === undefined) return undefined
  return /[:,]/.test(source[skip(SPACE_AND_LINES, source, at + literal.length)] ?? '') ? name : undefined
}

/** Where the token behind this one begins. */
function skipToken(source: string, at: number): number {
  const [token = ''] = matchAt(TOKEN, source, at) ?? []
  const isPrefix = STRING_PREFIX.test(token) && /['"]/.test(source[at + token.length] ?? '')
  if (!isPrefix && token !== "'" && token !== '"') return at + Math.max(1, token.length)
  return mustReadString(source, at).end
}

function mustReadString(source: string, at: number): PythonString {
  const literal = readPythonString(source, at)
  if (literal !== undefined) return literal
  throw refuseAt(source, at, 'a text that ends', source.slice(at, at + 200))
}

function refuseAt(source: string, at: number, expected: string, found: string): PinyonError {
  return refuseInjection(source.slice(0, at).split('\n').length, expected, found)
}

/**
 * The literals of an expression that is nothing else, and where it ends; none of any other.
 * @throws {PinyonError} INJECTION_REFUSED for more than so many
 */
function readLiterals(source: string, start: number, max: number): { literals: PythonString[]; end: number } {
  const nothing = { literals: [], end: start }
  let at = skip(SPACE, source, start)
  const isInParentheses = source[at] === '('
  const space = isInParentheses ? SPACE_AND_LINES : SPACE
  if (isInParentheses) at = skip(space, source, at + 1)
  const literals: PythonString[] = []
  while (/['"A-Za-z]/.test(source[at] ?? '')) {
    if (!/^[A-Za-z]{0,2}['"]/.test(source.slice(at, at + 3))) return nothing
    const literal = mustReadString(source, at)
    if (literal.prefix.includes('b')) return nothing
    literals.push(literal)
    if (literals.length > max) throw refuseAt(source, at, `at most ${LITERALS_MAX} literals`, 'more')
    at = skip(space, source, literal.end)
  }
  if (isInParentheses && source[at] !== ')') return nothing
  if (isInParentheses) at = skip(SPACE, source, at + 1)
  return matchAt(STATEMENT_END, source, at) === undefined ? nothing : { literals, end: at }
}

function skip(pattern: RegExp, source: string, at: number): number {
  matchAt(pattern, source, at)
  return pattern.lastIndex
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(source) ?? undefined
}
