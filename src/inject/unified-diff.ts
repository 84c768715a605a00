import { decodeByteText, toByteText } from './byte-text.ts'
import { diffLines } from './line-diff.ts'

const CONTEXT = 3

type Change = ReturnType<typeof diffLines>[number]

/**
 * What changed between two texts as a unified diff with three lines of context; empty when nothing did. `patch` and `git apply` take it,
 * provided that the texts are UTF-8: other bytes are shown as U+FFFD. Time grows in proportion to the lines.
 *
 * @param names what stands behind `---` and `+++`
 */
export function unifiedDiff(
  before: Uint8Array,
  after: Uint8Array,
  names: { readonly from: string; readonly to: string },
): string {
  const from = splitLines(toByteText(before))
  const to = splitLines(toByteText(after))
  const changes = diffLines(from, to)
  if (changes.length === 0) return ''
  const hunks = gatherHunks(changes).flatMap((hunk) => writeHunk(hunk, from, to))
  const lines = decodeByteText(hunks.join(''))
  return `--- ${writeName(names.from)}\n+++ ${writeName(names.to)}\n${lines}`
}

/** Lines with their endings. */
function splitLines(text: string): string[] {
  const lines: string[] = []
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('\n', start)
    const next = found < 0 ? text.length : found + 1
    lines.push(text.slice(start, next))
    start = next
  }
  return lines
}

/** Changes whose contexts meet stand in one hunk. */
function gatherHunks(changes: readonly Change[]): Change[][] {
  const hunks: Change[][] = []
  let endsAt = -Infinity
  for (const change of changes) {
    if (change.fromStart - endsAt > 2 * CONTEXT) hunks.push([change])
    else hunks.at(-1)?.push(change)
    endsAt = change.fromEnd
  }
  return hunks
}

function writeHunk(changes: readonly Change[], from: readonly string[], to: readonly string[]): string[] {
  const [first, last] = [changes[0], changes.at(-1)]
  if (first === undefined || last === undefined) return []
  const lead = Math.min(CONTEXT, first.fromStart)
  const tail = Math.min(CONTEXT, from.length - last.fromEnd)
  const spans = [
    writeSpan(first.fromStart - lead, last.fromEnd + tail),
    writeSpan(first.toStart - lead, last.toEnd + tail),
  ]
  const lines = [`@@ -${spans[0]} +${spans[1]} @@\n`]
  let at = first.fromStart - lead
  for (const { fromStart, fromEnd, toStart, toEnd } of changes) {
    for (; at < fromStart; at += 1) lines.push(writeLine(' ', from[at]))
    for (; at < fromEnd; at += 1) lines.push(writeLine('-', from[at]))
    for (let added = toStart; added < toEnd; added += 1) lines.push(writeLine('+', to[added]))
  }
  for (; at < last.fromEnd + tail; at += 1) lines.push(writeLine(' ', from[at]))
  return lines
}

/** `first,count`; the line before where there are none, and no count where it is one. */
function writeSpan(start: number, end: number): string {
  if (end - start === 1) return String(start + 1)
  return `${end === start ? start : start + 1},${end - start}`
}

function writeLine(sign: string, line = ''): string {
  return line.endsWith('\n') ? sign + line : `${sign}${line}\n\\ No newline at end of file\n`
}

/** Names with spaces end in a tab, those with control characters or quotes are quoted as C does: so do diff and git. */
function writeName(name: string): string {
  // oxlint-disable-next-line no-control-regex -- finding control characters is the point
  if (/[\u0000-\u001f\u007f"\\]/.test(name))
    // oxlint-disable-next-line no-control-regex -- finding control characters is the point
    return `"${name.replace(/[\u0000-\u001f\u007f"\\]/g, escapeCharacter)}"`
  return name.includes(' ') ? `${name}\t` : name
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`
}
