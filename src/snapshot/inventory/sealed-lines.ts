import { hash } from 'node:crypto'

/** Digits of each line's checksum: against rot, not against malice. */
const SEAL_DIGITS = 16

/** Lines of a file, as far as they are what was written. */
export interface SealedLines {
  readonly values: readonly unknown[]
  /** Numbers of lines that are not, from 1. */
  readonly damaged: readonly number[]
}

/** A line that holds a value as JSON, and a checksum of it. Neither tabs nor line breaks are in JSON of one line. */
export function sealLine(value: unknown): string {
  const text = JSON.stringify(value)
  return `${text}\t${sealOf(text)}\n`
}

/** The value of a line without its end; undefined when it is not as it was written. */
export function openLine(line: string): unknown {
  const tab = line.lastIndexOf('\t')
  const text = line.slice(0, Math.max(tab, 0))
  return tab > 0 && line.slice(tab + 1) === sealOf(text) ? (JSON.parse(text) as unknown) : undefined
}

/** All lines of a text; a last one that was torn off is damaged. */
export function openLines(text: string): SealedLines {
  const lines = text.split('\n')
  // What follows the last line break.
  if (lines.at(-1) === '') lines.pop()
  const opened = lines.map(openLine)
  const damaged = opened.flatMap((value, at) => (value === undefined ? [at + 1] : []))
  return { values: opened.filter((value) => value !== undefined), damaged }
}

function sealOf(text: string): string {
  return hash('sha256', text).slice(0, SEAL_DIGITS)
}
