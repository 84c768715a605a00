import { Lexer } from 'yaml'

/** A configuration needs four levels. */
export const DEPTH_MAX = 32
/**
 * Words and signs of YAML in a file: some 8,000 mirrors. The parser takes about 1 KB and 5 µs for each, and the stack for each
 * level, so both are counted before it begins.
 */
const TOKENS_MAX = 200_000

/** Tokens without characters: the start of a document, of a plain scalar, and the end of a flow that was not closed. */
export const MARKS = new Set(['\u0002', '\u001f', '\u0018'])

/** Something wrong at a place of a text. */
export interface Remark {
  /** In UTF-16 units from the start. */
  readonly offset: number
  readonly found: string
  readonly expected: string
}

/** The first place where a text is too large or too deeply nested to be handed to the YAML parser; undefined when none is. */
export function findExcess(text: string): Remark | undefined {
  let offset = 0
  let count = 0
  let brackets = 0
  let dashes = 0
  for (const token of new Lexer().lex(text)) {
    count += 1
    if (token === '[' || token === '{') brackets += 1
    else if ((token === ']' || token === '}') && brackets > 0) brackets -= 1
    else if (token === '-' || token === '?') dashes += 1
    else if (token.startsWith('\n') || token.startsWith('\r\n')) dashes = 0
    if (brackets + dashes > DEPTH_MAX) return tooDeep(offset)
    if (count > TOKENS_MAX)
      return { offset, found: `more than ${TOKENS_MAX} words and signs`, expected: 'fewer' }
    if (!MARKS.has(token)) offset += token.length
  }
  return undefined
}

/** The refusal of something that stands too many levels deep. */
export function tooDeep(offset: number): Remark {
  return { offset, found: 'one thing within another too often', expected: `at most ${DEPTH_MAX} levels` }
}
