/** A stretch of a text. */
interface Span {
  readonly start: number
  readonly end: number
}

const OPENING = /\{[%#{]/g
const CLOSINGS: Readonly<Record<string, string>> = { '{%': '%}', '{#': '#}', '{{': '}}' }
/** Statements whose body is kept for elsewhere: it is no configuration where it stands. */
const KEPT = /^\{%[-+]?[ \t\r\n]*(?:(macro|call|filter)\b|(set)[ \t\r\n]+[A-Za-z_][\w, \t\r\n]*[-+]?%\})/
const KEPT_END = /\{%[-+]?\s*end(?:macro|call|filter|set)\b[^%]*%\}/g

/** Of a statement as far as it is looked at. */
const STATEMENT_MAX = 1_000

/**
 * Tells which lines of a text are Jinja's and no configuration: those that a statement or a comment touches, what stands in a macro, and
 * what begins with an expression. Where a statement shares its line with a header the line counts as configuration, and will be refused
 * as such: what follows would belong to nobody knows which section.
 *
 * @returns to be asked for lines by where they start and end, from the first to the last
 */
export function findTemplateLines(text: string): (start: number, end: number) => boolean {
  const spans = findSpans(text)
  let next = 0
  return (start, end) => {
    while (next < spans.length && (spans[next]?.end ?? 0) <= start) next += 1
    let rest = ''
    let at = start
    let isTouched = false
    for (let index = next; index < spans.length; index += 1) {
      const span = spans[index]
      if (span === undefined || span.start >= end) break
      isTouched = true
      rest += text.slice(at, Math.max(at, span.start))
      at = Math.max(at, span.end)
    }
    rest += text.slice(at, Math.max(at, end))
    return isTouched && !/^[ \t]*\[/.test(rest)
  }
}

function findSpans(text: string): readonly Span[] {
  const spans: Span[] = []
  let isKeptEnded = true
  OPENING.lastIndex = 0
  for (let found = OPENING.exec(text); found !== null; found = OPENING.exec(text)) {
    const [opening] = found
    const start = found.index
    const close = text.indexOf(CLOSINGS[opening] ?? '', start + 2)
    // Nor does Jinja read on.
    if (close < 0) return spans
    let end = close + 2
    if (
      opening === '{%' &&
      isKeptEnded &&
      KEPT.test(text.slice(start, Math.min(end, start + STATEMENT_MAX)))
    ) {
      KEPT_END.lastIndex = end
      isKeptEnded = KEPT_END.test(text)
      if (isKeptEnded) end = KEPT_END.lastIndex
    }
    // An expression within a line is part of what it is to say.
    const isStatement = opening !== '{{'
    const isFirst = start === 0 || text[start - 1] === '\n'
    const line = text.indexOf('\n', start)
    if (isStatement || isFirst) spans.push({ start, end })
    else if (line >= 0 && line < end) spans.push({ start: line + 1, end })
    OPENING.lastIndex = end
  }
  return spans
}
