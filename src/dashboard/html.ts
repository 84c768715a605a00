import { escapeHtml } from '../model/shown-text.ts'

/** Markup that is right as it is. Made by {@link html} alone, and by whoever wraps what is known to be markup. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** What may stand between pieces of markup: text is escaped, nothing is written for undefined and false, lists follow one another. */
export type HtmlPart = Html | string | number | undefined | false | readonly HtmlPart[]

/** Whitespace that only lays a template out, by where it stands: a line's end in it, beside blocks, before the end of a tag. */
const BLOCKS =
  'body|caption|d[dlt]|details|dialog|div|footer|form|h[12]|head|header|html|li|link|main|meta|nav|noscript|p|path|script|section|summary|svg|table|tbody|td|th|thead|title|tr|ul'
const LINE_END = /\s*\n\s*/g
const BEFORE_BLOCK = new RegExp(` +(?=</?(?:${BLOCKS})\\b)`, 'g')
const BEHIND_BLOCK = new RegExp(`(</?(?:${BLOCKS})(?: [^<>]*)?>) +`, 'g')
const TAG_END = / +(?=\/?>)/g

/** Templates without what lays them out for their authors, by the literal they stand in. */
const compacted = new WeakMap<TemplateStringsArray, readonly string[]>()

/** A template of markup: whatever is put into it and is no {@link Html} is text, escaped for elements and quoted attributes. */
export function html(strings: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  const literals = compacted.get(strings) ?? compact(strings)
  let text = literals[0] ?? ''
  for (const [at, part] of parts.entries()) text += toText(part) + (literals[at + 1] ?? '')
  return new Html(text)
}

function compact(strings: TemplateStringsArray): readonly string[] {
  const literals = strings.map((literal) =>
    literal.replace(LINE_END, ' ').replace(BEFORE_BLOCK, '').replace(BEHIND_BLOCK, '$1').replace(TAG_END, ''),
  )
  compacted.set(strings, literals)
  return literals
}

function toText(part: HtmlPart): string {
  if (typeof part === 'string') return escapeHtml(part)
  if (part instanceof Html) return part.text
  if (typeof part === 'number') return String(part)
  if (part === undefined || part === false) return ''
  let text = ''
  for (const one of part) text += toText(one)
  return text
}
