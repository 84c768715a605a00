import { Lexer } from 'yaml'
import { MARKS } from './limits.ts'

/** The longest reason for a pin, in UTF-16 units: it is one line of a file, a table and a page. */
export const WHY_MAX_LENGTH = 500

/** Line breaks, blanks, and what a terminal might act on. */
const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex -- finding control characters is the point
  /[\s\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+/g

/** Marks, in the lexer's output, that the next token is a scalar's text. */
const SCALAR_MARK = '\u001f'

/** A comment of a YAML text. */
interface Comment {
  /** Without its `#`. */
  readonly text: string
  /** Whether there is nothing else on its line. */
  readonly alone: boolean
}

/** Text of unknown origin as one printable line that can stand in a comment, cut to {@link WHY_MAX_LENGTH}. */
export function cleanWhy(text: string): string {
  const line = text.replace(UNPRINTABLE, ' ').trim()
  const cut = line.length <= WHY_MAX_LENGTH ? line : `${line.slice(0, WHY_MAX_LENGTH - 1)}…`
  return cut.toWellFormed()
}

/** The comments of a YAML text, to be asked for by line. */
export class Comments {
  readonly #byLine = new Map<number, Comment>()

  /** @param text YAML that parses */
  constructor(text: string) {
    let line = 1
    let alone = true
    let previous = ''
    for (const token of new Lexer().lex(text)) {
      if (token.startsWith('#') && previous !== SCALAR_MARK)
        this.#byLine.set(line, { text: token.replace(/^#+/, ''), alone })
      else if (!MARKS.has(token) && token.trim() !== '') alone = false
      for (const character of token) if (character === '\n') line += 1
      if (token.endsWith('\n')) alone = true
      previous = token
    }
  }

  /**
   * What is said about a value: the comment on its own line, else the lines of comment directly above its key.
   *
   * @param keyLine 1-based, as is `valueLine`
   * @returns one printable line; undefined when nothing is said
   */
  about(keyLine: number, valueLine: number): string | undefined {
    const beside = this.#byLine.get(valueLine)
    const text = beside === undefined ? this.#above(keyLine) : beside.text
    const why = cleanWhy(text)
    return why === '' ? undefined : why
  }

  #above(line: number): string {
    const texts: string[] = []
    for (let above = line - 1; ; above--) {
      const comment = this.#byLine.get(above)
      if (comment?.alone !== true) return texts.toReversed().join(' ')
      texts.push(comment.text)
    }
  }
}
