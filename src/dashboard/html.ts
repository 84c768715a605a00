/** Markup that is right as it is. Made by {@link html} alone, and by whoever wraps what is known to be markup. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** What may stand between pieces of markup: text is escaped, nothing is written for undefined and false, lists follow one another. */
export type HtmlPart = Html | string | number | undefined | false | readonly HtmlPart[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Markup, and characters that show as nothing or turn the text around: controls but for tab and line feed, marks of direction. */
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const SPECIAL =
  /[&<>"'\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** A template of markup: whatever is put into it and is no {@link Html} is text, escaped for elements and quoted attributes. */
export function html(strings: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  let text = strings[0] ?? ''
  for (const [at, part] of parts.entries()) text += toText(part) + (strings[at + 1] ?? '')
  return new Html(text)
}

/** Text as markup shows it: entities, and codes such as `\u202e` for what would not be seen. */
export function escapeHtml(text: string): string {
  return text.replace(
    SPECIAL,
    (found) => ENTITIES[found] ?? `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
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
