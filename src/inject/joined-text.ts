import { decodePythonString, encodePythonText, type PythonString, type PythonText } from './python-string.ts'
import { refuseInjection } from './refusal.ts'
import type { TextEdit } from './text-edit.ts'

/** The texts of some literals as one, and the way back into their source. */
export interface JoinedText {
  readonly text: string
  /** Where in the source a character of the text is written. */
  readonly locate: (offset: number) => number
  /**
   * An edit of the text as edits of the source.
   *
   * @param relocate a line of the text as one of the file, for errors
   * @throws {PinyonError} INJECTION_REFUSED for what such a literal cannot hold
   */
  readonly translate: (edit: TextEdit, relocate: (line: number) => number) => TextEdit[]
}

interface Piece extends PythonText {
  readonly literal: PythonString
  /** Of its text within the whole. */
  readonly from: number
  readonly to: number
}

/** Joins literals of a source that is one character a byte, as Python joins them. */
export function joinLiterals(source: string, literals: readonly PythonString[]): JoinedText {
  const pieces: Piece[] = []
  let length = 0
  for (const literal of literals) {
    const decoded = decodePythonString(source, literal)
    pieces.push({ ...decoded, literal, from: length, to: length + decoded.text.length })
    length += decoded.text.length
  }
  const text = pieces.map(({ text }) => text).join('')
  return {
    text,
    locate: (offset) => {
      const piece = pieces[findPiece(pieces, offset + 1)] ?? pieces.at(-1)
      return piece?.starts[offset - piece.from] ?? piece?.literal.bodyEnd ?? 0
    },
    translate: (edit, relocate) => translate(text, pieces, edit, relocate),
  }
}

function translate(
  text: string,
  pieces: readonly Piece[],
  edit: TextEdit,
  relocate: (line: number) => number,
): TextEdit[] {
  const edits: TextEdit[] = []
  let added = edit.text
  for (let index = findPiece(pieces, edit.start); index < pieces.length; index += 1) {
    const piece = pieces[index]
    if (piece === undefined || piece.from > edit.end) break
    const from = Math.max(edit.start, piece.from) - piece.from
    const to = Math.min(edit.end, piece.to) - piece.from
    // At a border what is added ends the piece before it.
    const isHere = added !== '' && edit.start <= piece.to
    if (to <= from && !isHere) continue
    const start = to > from ? (piece.starts[from] ?? 0) : findPlace(piece, from)
    const written = isHere ? encodePythonText(added, piece.literal) : ''
    if (written === undefined) {
      const line = text.slice(0, edit.start).split('\n').length
      throw refuseInjection(relocate(line), 'a literal that can hold what is injected', added)
    }
    edits.push({ start, end: to > from ? (piece.ends[to - 1] ?? start) : start, text: written })
    if (isHere) added = ''
  }
  return edits
}

/** The first piece that ends at an offset or behind it. */
function findPiece(pieces: readonly Piece[], offset: number): number {
  let [low, high] = [0, pieces.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((pieces[middle]?.to ?? 0) < offset) low = middle + 1
    else high = middle
  }
  return low
}

/** Where something is to be put before a character of a piece: right behind the one before, where there is one. */
function findPlace({ starts, ends, literal }: Piece, at: number): number {
  return at > 0 ? (ends[at - 1] ?? literal.bodyEnd) : (starts[0] ?? literal.bodyEnd)
}
