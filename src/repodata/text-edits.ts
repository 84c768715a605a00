/** A stretch of a text, and what is to stand there instead. */
export interface TextEdit {
  readonly start: number
  readonly end: number
  /** ASCII. */
  readonly text: string
}

/** Bytes with stretches of them replaced; all others stay as they are. Stretches do not overlap. */
export function applyEdits(bytes: Buffer, edits: readonly TextEdit[]): Buffer {
  if (edits.length === 0) return bytes
  const pieces: Buffer[] = []
  let at = 0
  for (const { start, end, text } of edits.toSorted((a, b) => a.start - b.start)) {
    pieces.push(bytes.subarray(at, start), Buffer.from(text, 'latin1'))
    at = end
  }
  return Buffer.concat([...pieces, bytes.subarray(at)])
}
