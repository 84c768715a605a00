/** A replacement of the characters from `start` up to `end`, in UTF-16 units of the text it is for. */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** The text with every splice applied; they must not overlap, and of those at one place the first comes first. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let edited = ''
  let done = 0
  for (const splice of splices.toSorted((left, right) => left.start - right.start)) {
    edited += text.slice(done, splice.start) + splice.text
    done = splice.end
  }
  return edited + text.slice(done)
}

/** Where the line begins that an offset is in. */
export function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
}

/** Where the line ends that an offset is in: at its line break, `\n` or `\r\n`, or at the end of the text. */
export function lineEnd(text: string, offset: number): number {
  const at = text.indexOf('\n', offset)
  if (at < 0) return text.length
  return at > offset && text[at - 1] === '\r' ? at - 1 : at
}

/** Where the line after an offset's begins; the end of the text on the last line. */
export function nextLine(text: string, offset: number): number {
  const at = text.indexOf('\n', offset)
  return at < 0 ? text.length : at + 1
}

/** The line break of an offset's line; where it has none that of the line above, `\n` when there is only one line. */
export function lineBreak(text: string, offset: number): string {
  const end = lineEnd(text, offset)
  const own = text.slice(end, nextLine(text, end))
  if (own !== '') return own
  return text.slice(0, lineStart(text, offset)).endsWith('\r\n') ? '\r\n' : '\n'
}

/** The blanks that the line of an offset begins with. */
export function indentation(text: string, offset: number): string {
  return blanks(text.slice(lineStart(text, offset), lineEnd(text, offset)))
}

/** The blanks a line begins with when there is only a comment on it. */
export function commentIndentation(line: string): string | undefined {
  const indent = blanks(line)
  return line[indent.length] === '#' ? indent : undefined
}

/** The start of the lines of comments directly above a line, each of which is taken by its indentation. */
export function commentBlockStart(text: string, start: number, isTaken: (indent: string) => boolean): number {
  let from = start
  while (from > 0) {
    const above = lineStart(text, from - 1)
    const indent = commentIndentation(text.slice(above, from))
    if (indent === undefined || !isTaken(indent)) break
    from = above
  }
  return from
}

function blanks(line: string): string {
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}
