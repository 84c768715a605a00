/** A line of a configuration; offsets are into the text that was read. */
interface Line {
  /** 1-based. */
  readonly line: number
  readonly start: number
  /** Behind its last character, before its line ending. */
  readonly end: number
  /** Behind its line ending. */
  readonly next: number
  /** Without blanks at its end. */
  readonly text: string
  /** The number of blanks before the text. */
  readonly indent: number
}

/**
 * What a line is to yum and dnf. `opaque` is what the caller said is no configuration; it ends nothing.
 */
export type YumLine = Line &
  (
    | { readonly kind: 'blank' | 'comment' | 'continuation' | 'opaque' }
    /** `rest` is what stands behind the bracket and is no comment: dnf and Python overlook it, yum 3 does not. */
    | { readonly kind: 'header'; readonly id: string; readonly rest: string }
    /** `key` is in lower case; `separator` is the offset of `=` or `:`. */
    | { readonly kind: 'pair'; readonly key: string; readonly separator: number }
    | { readonly kind: 'problem'; readonly expected: string }
  )

/** Which part of a text is read, and how. */
export interface YumLineOptions {
  /** Where to begin: behind a byte order mark. */
  readonly start?: number
  /** Whether the text begins within a section. */
  readonly headless?: boolean
  /** Whether a line, by where it starts and ends, is no configuration. */
  readonly isOpaque?: (start: number, end: number) => boolean
}

/** No line of real use is as long: Red Hat's longest is below 1 KB. In units of the text. */
const LINE_MAX = 65_536

const HEADER = /^[ \t]*\[([^\]]+)\][ \t]*(.*)$/
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/

const KEY_VALUE = 'key=value'
const A_HEADER = 'a section header such as [epel]'

/**
 * Reads a `.repo` file, yum.conf, dnf.conf or a reposync configuration line by line: `[section]`, `key=value` or `key: value`, full-line
 * comments with `#` or `;`, indented lines that continue a value. Where yum 3 and dnf differ, what only one of them accepts is accepted:
 * `:` and keys of any case as by yum, an indented header as by dnf; comments and blank lines do not end a value. What neither accepts is
 * a `problem`. All that matters is ASCII, so the text may be UTF-16 or one character a byte.
 *
 * @param visit is told every line; `false` ends the reading
 */
export function readYumLines(
  text: string,
  visit: (line: YumLine) => boolean,
  options: YumLineOptions = {},
): void {
  let inSection = options.headless ?? false
  let inValue = false
  let number = 1
  for (let start = options.start ?? 0; start <= text.length; number += 1) {
    const line = cutLine(text, start, number)
    const read =
      options.isOpaque?.(line.start, line.end) === true
        ? { ...line, kind: 'opaque' as const }
        : classify(line, inSection, inValue)
    if (read.kind === 'header') [inSection, inValue] = [true, false]
    if (read.kind === 'pair') inValue = true
    if (!visit(read)) return
    start = line.next
    if (line.next === line.end) return
  }
}

function cutLine(text: string, start: number, line: number): Line {
  const found = text.indexOf('\n', start)
  const last = found < 0 ? text.length : found
  const end = text[last - 1] === '\r' && last > start ? last - 1 : last
  let stop = end
  while (stop > start && isBlank(text[stop - 1])) stop -= 1
  let indent = 0
  while (start + indent < stop && isBlank(text[start + indent])) indent += 1
  const next = found < 0 ? last : found + 1
  return { line, start, end: found < 0 ? last : end, next, text: text.slice(start, stop), indent }
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

function classify(line: Line, inSection: boolean, inValue: boolean): YumLine {
  const { text, indent } = line
  const problem = (expected: string): YumLine => ({ ...line, kind: 'problem', expected })
  if (text.length > LINE_MAX) return problem(`a line of at most ${LINE_MAX} characters`)
  if (text === '') return { ...line, kind: 'blank' }
  if (text[indent] === '#' || text[indent] === ';') return { ...line, kind: 'comment' }
  if (CONTROL.test(text)) return problem('text without control characters')
  if (text[indent] === '[') {
    const [, id = '', behind = ''] = HEADER.exec(text) ?? []
    const rest = behind === '' || behind[0] === '#' || behind[0] === ';' ? '' : behind
    if (id !== '' && (indent === 0 || rest === '')) return { ...line, kind: 'header', id, rest }
    if (indent === 0) return problem(A_HEADER)
  }
  if (!inSection) return problem(`${A_HEADER} above it`)
  if (indent === 0) return readPair(line) ?? problem(KEY_VALUE)
  if (inValue) return { ...line, kind: 'continuation' }
  return problem(`${KEY_VALUE} without indentation: it continues no value`)
}

function readPair(line: Line): YumLine | undefined {
  const at = line.text.search(/[=:]/)
  if (at <= 0) return undefined
  let end = at
  while (isBlank(line.text[end - 1])) end -= 1
  const key = line.text.slice(0, end).toLowerCase()
  return { ...line, kind: 'pair', key, separator: line.start + at }
}
