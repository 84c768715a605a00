import type { YAMLMap } from 'yaml'
import { entryEnd, type Entry } from './edit-target.ts'
import {
  commentBlockStart,
  commentIndentation,
  indentation,
  lineBreak,
  lineEnd,
  lineStart,
  nextLine,
  type Splice,
} from './splice.ts'

/** Adds a line after the last entry of a mapping in block style, indented as that. */
export function addBlockLine(text: string, map: YAMLMap, line: string): Splice[] {
  const last = map.items.at(-1) as Entry
  const end = entryEnd(last)
  // A block scalar ends after its line break.
  const at = lineEnd(text, text[end - 1] === '\n' ? end - (text[end - 2] === '\r' ? 2 : 1) : end)
  const indent = indentation(text, last.key.range?.[0] ?? 0)
  return [{ start: at, end: at, text: `${lineBreak(text, at)}${indent}${line}` }]
}

/** Removes the lines of an entry in block style. */
export function removeBlockEntry(text: string, entry: Entry): Splice[] {
  return [removeLines(text, lineStart(text, entry.key.range?.[0] ?? 0), lastLine(text, entry))]
}

/**
 * Removes the lines of an entry in block style, with the comment directly above it, and with those after it that are indented
 * deeper than its key and thus its own.
 */
export function removeBlockEntryWithComments(text: string, entry: Entry): Splice[] {
  const start = entry.key.range?.[0] ?? 0
  const depth = indentation(text, start).length
  const from = commentBlockStart(text, lineStart(text, start), (indent) => indent.length <= depth)
  let last = lastLine(text, entry)
  for (let line = nextLine(text, last); line < text.length; line = nextLine(text, line)) {
    const written = text.slice(line, lineEnd(text, line))
    const indent = commentIndentation(written)
    if (indent !== undefined && indent.length > depth) last = line
    else if (written.trim() !== '') break
  }
  return [removeLines(text, from, last)]
}

/** An offset in the last line of an entry. */
function lastLine(text: string, entry: Entry): number {
  const end = entryEnd(entry)
  return text[end - 1] === '\n' ? end - 1 : end
}

/** Removes the lines from the one that begins at `from` to that of `last`; a text without a final line break stays without. */
function removeLines(text: string, from: number, last: number): Splice {
  const end = nextLine(text, last)
  if (text[end - 1] === '\n' || from === 0) return { start: from, end, text: '' }
  return { start: lineEnd(text, lineStart(text, from - 1)), end, text: '' }
}
