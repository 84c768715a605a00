import { isDeepStrictEqual } from 'node:util'
import { isAlias, isCollection, isMap, isScalar, type YAMLMap } from 'yaml'
import { parseSnapshotName } from '../model/snapshot-name.ts'
import { addBlockLine, removeBlockEntry, removeBlockEntryWithComments } from './block-edit.ts'
import { quote } from './describe.ts'
import { checkNotRepeated, findEntry, findMirror, ownMapping, parseText, refuse } from './edit-target.ts'
import type { EditTarget, Entry } from './edit-target.ts'
import { addFlowEntry, breakLine, endOfLine, findComma, removeFlowEntry } from './flow-edit.ts'
import { applySplices, lineStart, type Splice } from './splice.ts'
import { cleanWhy } from './why.ts'

/** A mapping of the file as data. */
type Data = ReadonlyMap<unknown, unknown>

/**
 * Pins a mirror in the text of a configuration file: replaces the value of its `pin`, or adds one after its last key. Nothing else
 * changes. A comment beside an older pin goes, since it spoke of that; on a line that the pin shares with more it stays.
 *
 * @param snapshot a snapshot's name; whether it exists is not known here
 * @param why becomes the comment beside the pin, on one line
 * @throws {PinyonError} NOT_FOUND when there is no such mirror; CONFIG_INVALID when the text does not parse, or cannot be
 * edited without changing more
 */
export function setPin(text: string, mirror: string, snapshot: string, why?: string): string {
  if (parseSnapshotName(snapshot) === undefined)
    refuse(`found ${quote(snapshot)}, expected a snapshot's name such as 2016-12-13-13-30`)
  const target = findMirror(text, mirror)
  const map = ownMapping(target)
  const entry = findEntry(map, 'pin')
  const reason = cleanWhy(why ?? '')
  const comment = reason === '' ? '' : `# ${reason}`
  const splices =
    entry === undefined
      ? addPin(text, map, snapshot, comment)
      : replacePin(text, map, entry, snapshot, comment)
  return edit(target, splices, (mirrors) =>
    mirrors.set(mirror, new Map(mirrors.get(mirror) as Data).set('pin', snapshot)),
  )
}

/**
 * Removes a mirror's `pin` with the comment beside it; without one the text is given back as it is. Throws as {@link setPin} does.
 */
export function removePin(text: string, mirror: string): string {
  const target = findMirror(text, mirror)
  const { value } = target.entry
  if (isMap(value) ? findEntry(value, 'pin') === undefined : !isAlias(value)) return text
  const map = ownMapping(target)
  const entry = findEntry(map, 'pin') as Entry
  const splices = map.flow === true ? removeFlowEntry(text, map, entry, false) : removeBlockEntry(text, entry)
  return edit(target, splices, (mirrors) =>
    mirrors.set(mirror, without(mirrors.get(mirror) as Data, 'pin', map.flow)),
  )
}

/**
 * Removes a mirror's entry with the comment directly above it and the comments indented below it. Throws as {@link setPin} does,
 * also when another place of the file repeats part of it by an alias.
 */
export function removeMirror(text: string, mirror: string): string {
  const target = findMirror(text, mirror)
  const { mirrors, entry } = target
  checkNotRepeated(target)
  const isFlow = mirrors.flow === true
  const splices = isFlow
    ? removeFlowEntry(text, mirrors, entry, true)
    : removeBlockEntryWithComments(text, entry)
  return edit(target, splices, (all) => without(all, mirror, mirrors.flow))
}

function addPin(text: string, map: YAMLMap, snapshot: string, comment: string): Splice[] {
  if (map.flow !== true)
    return addBlockLine(text, map, `pin: ${snapshot}${comment === '' ? '' : `  ${comment}`}`)
  const isJson =
    map.items.length > 0 && map.items.every(({ key }) => isScalar(key) && key.type === 'QUOTE_DOUBLE')
  return addFlowEntry(text, map, isJson ? `"pin": "${snapshot}"` : `pin: ${snapshot}`, comment)
}

function replacePin(text: string, map: YAMLMap, entry: Entry, snapshot: string, comment: string): Splice[] {
  const [first, end] = entry.value?.range ?? [0, 0]
  if (end === 0 || isCollection(entry.value) || text.slice(first, end).includes('\n'))
    refuse('its pin is not one word on one line')
  if (first === end) {
    // Where there is nothing it stands after the blanks, which a comment may need.
    const line = lineStart(text, first)
    const start = line + text.slice(line, first).trimEnd().length
    return [{ start, end: start, text: ` ${snapshot}` }, ...replaceComment(text, map, start, comment)]
  }
  const type = isScalar(entry.value) ? entry.value.type : undefined
  const mark = type === 'QUOTE_DOUBLE' ? '"' : type === 'QUOTE_SINGLE' ? "'" : ''
  const value = { start: first, end, text: mark + snapshot + mark }
  return [value, ...replaceComment(text, map, end, comment)]
}

/** Replaces the comment beside a value that ends at an offset, or removes it. */
function replaceComment(text: string, map: YAMLMap, end: number, comment: string): Splice[] {
  const comma = map.flow === true ? findComma(text, end) : undefined
  const at = comma !== undefined && !text.slice(end, comma).includes('\n') ? comma + 1 : end
  const rest = endOfLine(text, at)
  if (rest === undefined) return comment === '' ? [] : [breakLine(text, map, at, comment)]
  if (!rest.comment) return comment === '' ? [] : [{ start: at, end: at, text: `  ${comment}` }]
  const hash = text.indexOf('#', at)
  return [{ start: comment === '' ? at : hash, end: rest.at, text: comment }]
}

/** Applies splices, provided that the outcome says what it should. */
function edit(
  target: EditTarget,
  splices: readonly Splice[],
  change: (mirrors: Map<unknown, unknown>) => unknown,
): string {
  const edited = applySplices(target.text, splices)
  const root = target.data as Data
  const mirrors = change(new Map(root.get('mirrors') as Data))
  const expected = new Map(root).set('mirrors', mirrors)
  if (!isDeepStrictEqual(parseText(edited).data, expected))
    refuse(`the mirror ${quote(target.mirror)} is written in a way that would have changed more`)
  return edited
}

/** A mapping without a key: nothing, when it was the last one of a mapping in block style. */
function without(data: Data, key: string, flow: boolean | undefined): Data | null {
  const rest = new Map(data)
  rest.delete(key)
  return rest.size === 0 && flow !== true ? null : rest
}
