/** A stretch of a text and what takes its place; an insertion's start is its end. */
export interface TextEdit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** The edits in the order of the text; of those that begin at one place insertions come first. */
function sortEdits(edits: readonly TextEdit[]): TextEdit[] {
  return edits.toSorted((a, b) => a.start - b.start || a.end - b.end)
}

/** A text after edits that do not overlap. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const pieces: string[] = []
  let at = 0
  for (const edit of sortEdits(edits)) {
    pieces.push(text.slice(at, edit.start), edit.text)
    at = edit.end
  }
  pieces.push(text.slice(at))
  return pieces.join('')
}
