import { encodeByteText } from './byte-text.ts'

/** A string literal of Python source that is one character a byte; offsets are into the source. */
export interface PythonString {
  /** Letters before the quotes, in lower case. */
  readonly prefix: string
  /** One or three. */
  readonly quotes: string
  readonly start: number
  readonly bodyStart: number
  readonly bodyEnd: number
  readonly end: number
}

/** What a literal stands for, and where each character of that is written. */
export interface PythonText {
  readonly text: string
  /** Of each character, and the end of the last one. */
  readonly starts: Int32Array
  readonly ends: Int32Array
}

const OPENING = /([A-Za-z]{0,2})('''|"""|'|")/y
const ESCAPE = /\\(?:\r\n|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|N\{[^}\n]*\}|[0-7]{1,3}|[^])/y

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\r\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** Reads the literal that begins at an offset; undefined where none does, or where it does not end. */
export function readPythonString(source: string, start: number): PythonString | undefined {
  OPENING.lastIndex = start
  const [opening, prefix = '', quotes = ''] = OPENING.exec(source) ?? []
  if (opening === undefined) return undefined
  const bodyStart = start + opening.length
  const ending = quotes.length === 3 ? /\\[^]|'''|"""/g : /\\(?:\r\n|[^])|['"\n]/g
  ending.lastIndex = bodyStart
  for (let found = ending.exec(source); found !== null; found = ending.exec(source)) {
    if (found[0] === '\n') return undefined
    if (found[0] === quotes) {
      const end = ending.lastIndex
      return { prefix: prefix.toLowerCase(), quotes, start, bodyStart, bodyEnd: found.index, end }
    }
    // Three quotes of the other kind may overlap with nothing of ours, but two of theirs may begin one of ours.
    if (found[0].length === 3) ending.lastIndex = found.index + 1
  }
  return undefined
}

/** What a literal stands for; the braces of an f-string are left as they are written. Names of `\N{…}` become `?`. */
export function decodePythonString(source: string, literal: PythonString): PythonText {
  const { prefix, bodyStart, bodyEnd } = literal
  const body = source.slice(bodyStart, bodyEnd)
  if (prefix.includes('r') || !body.includes('\\')) {
    const starts = Int32Array.from({ length: body.length }, (_, index) => bodyStart + index)
    return { text: body, starts, ends: starts.map((start) => start + 1) }
  }
  const pieces: string[] = []
  const [starts, ends]: [number[], number[]] = [[], []]
  const add = (text: string, start: number, end: number) => {
    pieces.push(text)
    for (let index = 0; index < text.length; index += 1) {
      starts.push(index === 0 ? start : end)
      ends.push(end)
    }
  }
  for (let at = 0; at < body.length;) {
    ESCAPE.lastIndex = at
    const escape = body[at] === '\\' ? ESCAPE.exec(body)?.[0] : undefined
    const written = escape ?? body[at] ?? ''
    add(
      escape === undefined ? written : decodeEscape(escape),
      bodyStart + at,
      bodyStart + at + written.length,
    )
    at += written.length
  }
  return { text: pieces.join(''), starts: Int32Array.from(starts), ends: Int32Array.from(ends) }
}

function decodeEscape(escape: string): string {
  const body = escape.slice(1)
  const simple = SIMPLE_ESCAPES[body]
  if (simple !== undefined) return simple
  if (/^[0-7]/.test(body)) return encodeByteText(String.fromCodePoint(Number.parseInt(body, 8)))
  if (body.startsWith('N{')) return '?'
  if (!/^[xuU]./.test(body)) return escape
  const code = Number.parseInt(body.slice(1), 16)
  return code > 0x10ffff ? '?' : encodeByteText(String.fromCodePoint(code))
}

/** A text as it is written within such a literal; undefined where it cannot be. */
export function encodePythonText(text: string, { prefix, quotes }: PythonString): string | undefined {
  const [quote = ''] = quotes
  const isShort = quotes.length === 1
  const braced = prefix.includes('f') ? text.replace(/[{}]/g, '$&$&') : text
  if (prefix.includes('r')) {
    const cannot = braced.includes(quote) || braced.endsWith('\\') || (isShort && /[\r\n]/.test(braced))
    return cannot ? undefined : braced
  }
  return braced.replace(/[\\'"\r\n]/g, (character) => {
    if (character === '\\' || character === quote) return `\\${character}`
    if (!isShort || character === "'" || character === '"') return character
    return character === '\n' ? '\\n' : '\\r'
  })
}
