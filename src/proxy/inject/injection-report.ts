import type { Injection } from '../../inject/injection.ts'

/**
 * What an injection did, for shell: a line for each section and warning, fields separated by tabs. `mirrored`, id, new URL, first baseurl
 * before or `-`; `unmatched`, id; `warning`, line, text. Control characters never occur within a field.
 */
export function formatInjectionReport({ injected, unmatched, warnings }: Injection): string {
  const lines = [
    ...injected.map(({ id, url, previous }) => ['mirrored', id, url, previous ?? '-']),
    ...unmatched.map(({ id }) => ['unmatched', id]),
    ...warnings.map(({ line, text }) => ['warning', String(line), text]),
  ]
  return lines.map((fields) => `${fields.map(toField).join('\t')}\n`).join('')
}

/** Line and paragraph separators as well: some readers take them for the end of a line. And what would turn a line around on a terminal. */
function toField(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
}
