import { stringify } from 'yaml'

import type { ImportedMirror } from './import-mirror.ts'
import type { MirrorKey } from './import-settings.ts'
import type { ImportedSections } from './import-sections.ts'
import { toPrintable } from './table.ts'

/** A comment longer than this is read by nobody. In UTF-16 units. */
const COMMENT_MAX = 400

/** The text of a configuration with these mirrors; those that are refused stand in it as comments. */
export function formatImport(labels: readonly string[], { mains, mirrors }: ImportedSections): string {
  const head = [
    `# Made by pinyon import from ${labels.join(', ')}.`,
    ...mains.flatMap(({ label, section, notes }) =>
      [...notes].map((note) => `# [main] (${label}:${section.line}): ${note}`),
    ),
  ]
  const blocks = mirrors.map((mirror) => formatMirror(mirror).join('\n'))
  return `${[...head.map(toComment), 'mirrors:'].join('\n')}\n${blocks.join('\n\n')}${blocks.length > 0 ? '\n' : ''}`
}

function formatMirror(mirror: ImportedMirror): string[] {
  const { id, title, place, refusal, notes, name, keys } = mirror
  const remarks = [
    `${title === '' ? id : title} (${place})`,
    ...(refusal === undefined ? [] : [`Left out: ${refusal}`]),
    ...notes,
  ]
  const entry = [`${formatScalar(name)}:`, ...keys.flatMap((key) => formatSetting(key))]
  const prefix = refusal === undefined ? '  ' : '  #'
  return [...remarks.map((remark) => `  ${toComment(`# ${remark}`)}`), ...entry.map((line) => prefix + line)]
}

function formatSetting([key, value]: MirrorKey): string[] {
  // To be filled in.
  if (value === undefined) return [`  ${key}: # to be filled in`]
  if (typeof value !== 'object') return [`  ${key}: ${formatScalar(value)}`]
  return [`  ${key}:`, ...value.map((item) => `    - ${formatScalar(item)}`)]
}

/** On one line, in quotes where YAML or people would take it for something else. */
function formatScalar(value: string | number | boolean): string {
  const written = stringify(value, { singleQuote: true, lineWidth: 0 }).trimEnd()
  // Broken lines would leave the comment that they may be in, and are no key; of what begins like a document's end they are made as well.
  if (typeof value === 'string' && (/\s/.test(value) || written.includes('\n'))) return JSON.stringify(value)
  return written
}

function toComment(text: string): string {
  const line = toPrintable(text.replace(/\s+/g, ' '))
  return line.length <= COMMENT_MAX ? line : `${line.slice(0, COMMENT_MAX).toWellFormed()}…`
}
