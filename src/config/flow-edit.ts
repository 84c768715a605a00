import type { YAMLMap } from 'yaml'
import { entryEnd, type Entry } from './edit-target.ts'
import {
  commentBlockStart,
  indentation,
  lineBreak,
  lineEnd,
  lineStart,
  nextLine,
  type Splice,
} from './splice.ts'

/** How much deeper than the line of its brace a line is that we break. */
const STEP = '  '
/** The rest of a line that has nothing more but perhaps a comment. */
const END_OF_LINE = /[ \t]*(#[^\r\n]*)?(?=\r?\n|$)/y

/** Where an entry of a mapping in flow style stands: `{ a: 1, b: 2 }`. */
interface FlowPlace {
  /** After the comma before it, or after the brace. */
  readonly after: number
  /** Where it begins, tags and anchors included. */
  readonly start: number
  readonly end: number
  /** The commas before and after it. */
  readonly commaBefore: number | undefined
  readonly comma: number | undefined
}

/**
 * Adds an entry at the end of a mapping in flow style: on a line of its own where that is the style, or where a comment has to
 * follow; else after the last one.
 *
 * @param comment with its `#`, or empty
 */
export function addFlowEntry(text: string, map: YAMLMap, written: string, comment: string): Splice[] {
  const open = map.range?.[0] ?? 0
  const last = map.items.at(-1) as Entry | undefined
  const place = last === undefined ? undefined : locate(text, map, last)
  const own = place !== undefined && isFirstOnLine(text, place.start)
  const indent = own ? indentation(text, place.start) : flowIndent(text, open)
  const comma = place?.comma
  const separator = place === undefined || comma !== undefined ? [] : [insert(place.end, ',')]
  const entry = written + (comma === undefined ? '' : ',')
  const at = comma === undefined ? (place?.end ?? open + 1) : comma + 1
  const end = endOfLine(text, at)
  if (end !== undefined) {
    const line = lineBreak(text, end.at) + clearOf(text, map, indent) + entry
    return [...separator, insert(end.at, line + (comment === '' ? '' : STEP + comment))]
  }
  const pad = place === undefined && text[at] !== ' ' ? '' : ' '
  const gap = own || (comment !== '' && place !== undefined) ? lineBreak(text, at) + indent : pad
  const tail = comment === '' ? '' : breakAfter(text, at, comment, indent)
  return [...separator, insert(at, gap + entry + tail)]
}

/**
 * Removes an entry of a mapping in flow style, with one comma and a comment that follows on its line.
 *
 * @param withBlock whether the lines of comment directly above it go, too
 */
export function removeFlowEntry(text: string, map: YAMLMap, entry: Entry, withBlock: boolean): Splice[] {
  const place = locate(text, map, entry)
  const { after, start, comma, commaBefore } = place
  const stop = comma === undefined ? place.end : comma + 1
  const end = endOfLine(text, stop)
  const first = isFirstOnLine(text, start)
  // Joined to a line that ends with a comment, what follows would be part of it.
  const commented = text.slice(after, start).includes('#')
  const splices: Splice[] = []
  if (comma === undefined && commaBefore !== undefined)
    splices.push({ start: commaBefore, end: commaBefore + 1, text: '' })
  if (first && end !== undefined) {
    const line = lineStart(text, start)
    const from = withBlock ? commentBlockStart(text, line, () => true) : line
    const joined = end.comment && !commented ? brokenAfter(text, end.at, indentation(text, start)) : end.at
    // Its line break goes with a line, so that the line above keeps its own, which may be another.
    return joined === end.at
      ? [...splices, { start: from, end: nextLine(text, end.at), text: '' }]
      : [...splices, { start: lineEnd(text, lineStart(text, from - 1)), end: joined, text: '' }]
  }
  const from = commented || (first && map.items.at(-1) !== entry) ? start : after
  const to =
    end === undefined || !end.comment
      ? stop
      : brokenAfter(text, end.at, flowIndent(text, map.range?.[0] ?? 0))
  return [...splices, { start: from, end: to, text: '' }]
}

/** Puts a comment after what ends at an offset of a line that goes on, which is broken there. */
export function breakLine(text: string, map: YAMLMap, at: number, comment: string): Splice {
  return insert(at, breakAfter(text, at, comment, flowIndent(text, map.range?.[0] ?? 0)))
}

/** The end of the line when only a comment follows an offset; undefined when the line goes on. */
export function endOfLine(text: string, offset: number): { at: number; comment: boolean } | undefined {
  END_OF_LINE.lastIndex = offset
  const match = END_OF_LINE.exec(text)
  return match === null ? undefined : { at: offset + match[0].length, comment: match[1] !== undefined }
}

/** Where the comma is that follows an offset, with at most blanks and comments between. */
export function findComma(text: string, offset: number): number | undefined {
  const at = skipBlanks(text, offset)
  return text[at] === ',' ? at : undefined
}

function locate(text: string, map: YAMLMap, entry: Entry): FlowPlace {
  const before = map.items[map.items.indexOf(entry) - 1] as Entry | undefined
  const commaBefore = before === undefined ? undefined : findComma(text, entryEnd(before))
  const after = (commaBefore ?? map.range?.[0] ?? 0) + 1
  const end = entryEnd(entry)
  return { after, start: skipBlanks(text, after), end, commaBefore, comma: findComma(text, end) }
}

function skipBlanks(text: string, offset: number): number {
  const blanks = /(?:\s|#[^\n]*)*/y
  blanks.lastIndex = offset
  return offset + (blanks.exec(text)?.[0].length ?? 0)
}

function isFirstOnLine(text: string, offset: number): boolean {
  return text.slice(lineStart(text, offset), offset).trim() === ''
}

function flowIndent(text: string, open: number): string {
  return indentation(text, open) + STEP
}

/** A comment, and the line of an offset that goes on after it. */
function breakAfter(text: string, at: number, comment: string, indent: string): string {
  return STEP + comment + lineBreak(text, at) + indent
}

/** The reverse of {@link breakAfter}: past the line break and indentation that only the closing brace follows. */
function brokenAfter(text: string, end: number, indent: string): number {
  const next = nextLine(text, end)
  const line = text.slice(next, lineEnd(text, next))
  return line.startsWith(indent) && line.trimStart().startsWith('}') ? next + indent.length : end
}

/** An indentation deeper than that of the closing brace, so that {@link brokenAfter} does not take the brace for one moved by us. */
function clearOf(text: string, map: YAMLMap, indent: string): string {
  const brace = (map.range?.[1] ?? 1) - 1
  const found = indentation(text, brace)
  return isFirstOnLine(text, brace) && found.startsWith(indent) ? `${found} ` : indent
}

function insert(at: number, text: string): Splice {
  return { start: at, end: at, text }
}
