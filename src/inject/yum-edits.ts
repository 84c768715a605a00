import type { TextEdit } from './text-edit.ts'
import type { YumKey, YumPart } from './yum-document.ts'

/** What a section is to say: keys in lower case; values as byte texts of one line. */
export interface YumChange {
  readonly set: ReadonlyMap<string, string>
  readonly drop: ReadonlySet<string>
}

/**
 * The edits that make one part of a section say what it is to. A set key takes the place of its last line, or that behind the part's last
 * line; its other lines go, since zypper adds up what yum and dnf let replace. Comments within a value stay, but lose their indentation:
 * to dnf they would continue the key above. Where lines that are no configuration (a template's conditions) stand between the keys, all is
 * set right behind the header, where it counts whatever comes of them.
 *
 * @param text the document, one character a byte
 */
export function editPart(text: string, part: YumPart, { set, drop }: YumChange): TextEdit[] {
  const isConditional = part.opaque.length > 0
  const found = new Map<string, YumKey>()
  const gone: YumKey[] = []
  for (const key of part.keys) {
    if (!set.has(key.key) && !drop.has(key.key)) continue
    const last = found.get(key.key)
    if (last !== undefined) gone.push(last)
    if (set.has(key.key) && !isConditional) found.set(key.key, key)
    else gone.push(key)
  }
  const edits = [
    ...gone.map(({ start, next }) => ({ start, end: next, text: '' })),
    ...[...found].flatMap(([name, key]) => replaceValue(text, key, set.get(name) ?? '')),
    ...[...gone, ...found.values()].flatMap(removeValueLines),
  ]
  const missing = [...set].filter(([name]) => !found.has(name))
  if (missing.length === 0) return edits
  const separator = findSeparator(text, part, (key) => !set.has(key) && !drop.has(key))
  const lines = missing.map(([name, value]) => `${name}${separator}${value}`)
  edits.push(insertLines(text, isConditional ? part.bodyStart : part.bodyEnd, lines, edits))
  return edits
}

/** The line ending of the line before a place in a text; where there is none that of the one after it. */
export function findLineEnding(text: string, at: number): '\n' | '\r\n' {
  const before = at === 0 ? -1 : text.lastIndexOf('\n', at - 1)
  const found = before < 0 ? text.indexOf('\n', at) : before
  return found > 0 && text[found - 1] === '\r' ? '\r\n' : '\n'
}

function removeValueLines({ more }: YumKey): TextEdit[] {
  return more
    .map(({ start, next, indent, value }) => ({ start, end: value === undefined ? start + indent : next }))
    .filter(({ start, end }) => end > start)
    .map((span) => ({ ...span, text: '' }))
}

/** Also puts `=` for `:` and the key in lower case, which is all that dnf understands. */
function replaceValue(text: string, key: YumKey, value: string): TextEdit[] {
  const written = text.slice(key.start, key.separator)
  const isReadable = text[key.separator] === '=' && written === written.toLowerCase()
  if (isReadable && key.first === value) return []
  const blanks = /^[ \t]*/.exec(text.slice(key.separator + 1, key.end))?.[0] ?? ''
  return [{ start: key.start, end: key.end, text: `${written.toLowerCase()}=${blanks}${value}` }]
}

/** As the section's other keys have it. */
function findSeparator(text: string, part: YumPart, isOther: (key: string) => boolean): '=' | ' = ' {
  const model = part.keys.find(({ key }) => isOther(key)) ?? part.keys[0]
  if (model === undefined) return '='
  return /^[ \t][=:][ \t]$/.test(text.slice(model.separator - 1, model.separator + 2)) ? ' = ' : '='
}

function insertLines(
  text: string,
  at: number,
  lines: readonly string[],
  edits: readonly TextEdit[],
): TextEdit {
  const ending = findLineEnding(text, at)
  const isUnterminated = at === text.length && text[at - 1] !== '\n'
  if (!isUnterminated) return { start: at, end: at, text: lines.map((line) => line + ending).join('') }
  const isLastRemoved = edits.some((edit) => edit.end === at && edit.start < at && edit.text === '')
  return { start: at, end: at, text: (isLastRemoved ? '' : ending) + lines.join(ending) }
}
