/**
 * What shows as nothing or turns the text around it, so that people read something else than is there: controls but for tab and line feed,
 * marks of direction (U+202A to 202E, 2066 to 2069 and the like), what has no width, the invisible tags beyond U+E0000.
 */
const HIDDEN =
  '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb'
const TAGS = '\\udb40[\\udc00-\\udc7f]'
const HIDDEN_TEXT = new RegExp(`[${HIDDEN}]|${TAGS}`, 'g')
const SPECIAL = new RegExp(`[&<>"'${HIDDEN}]|${TAGS}`, 'g')

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as markup shows it: entities, and codes such as `\u202e` for what would not be seen. */
export function escapeHtml(text: string): string {
  return text.replace(SPECIAL, (found) => ENTITIES[found] ?? toCodes(found))
}

/** Text with codes such as `\u202e` for what would not be seen; JSON with them is the same JSON. */
export function escapeHidden(text: string): string {
  return text.replace(HIDDEN_TEXT, toCodes)
}

function toCodes(text: string): string {
  let codes = ''
  for (let at = 0; at < text.length; at += 1)
    codes += `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`
  return codes
}
