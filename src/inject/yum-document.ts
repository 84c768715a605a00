import { decodeByteText, skipByteOrderMark } from './byte-text.ts'
import { refuseInjection } from './refusal.ts'
import { readYumLines, type YumLine, type YumLineOptions } from './yum-lines.ts'

/** A line under a key: of its value, or one that dnf and yum 3 would take for that because it begins with a blank. */
export interface YumKeyLine {
  readonly start: number
  readonly next: number
  readonly indent: number
  /** Its part of the value; undefined for a comment or nothing but blanks. */
  readonly value: string | undefined
}

/** A key, its value, and where they stand; offsets are into the document's text. */
export interface YumKey {
  /** In lower case. */
  readonly key: string
  readonly line: number
  readonly start: number
  /** Of `=` or `:`. */
  readonly separator: number
  /** Behind the key's own line, before its line ending. */
  readonly end: number
  readonly next: number
  /** What follows `=` in the key's own line. */
  readonly first: string
  readonly more: readonly YumKeyLine[]
}

/** A header and the lines under it; sections may have several. */
export interface YumPart {
  /** As written; undefined for lines at the beginning that belong to a section begun elsewhere. */
  readonly id: string | undefined
  readonly line: number
  /** What stands behind the bracket and is no comment. */
  readonly rest: string
  /** Whether blanks stand before the bracket. */
  readonly indented: boolean
  /** Where the comments right above the header begin, or the header. */
  readonly top: number
  /** Behind the header, and lines below it that would continue what is put before them. */
  readonly bodyStart: number
  /** Behind the last line that is neither empty nor a comment, and lines below it that would continue what is put before them. */
  readonly bodyEnd: number
  readonly keys: readonly YumKey[]
  /** Lines that are no configuration and stand before `bodyEnd`. */
  readonly opaque: readonly { readonly line: number; readonly text: string }[]
}

const PARTS_MAX = 10_000
const KEYS_MAX = 200_000
/** Of all values, beside those of their keys; comments and blank ones within them as well. */
const VALUE_LINES_MAX = 500_000

/**
 * Reads a configuration so that it can be changed without loss.
 *
 * @param text one character a byte
 * @throws {PinyonError} INJECTION_REFUSED for what neither yum nor dnf would read
 */
export function readYumDocument(text: string, options: YumLineOptions = {}): readonly YumPart[] {
  const reader = new DocumentReader(options.headless === true)
  readYumLines(text, (line) => reader.read(line), { start: skipByteOrderMark(text), ...options })
  return reader.finish()
}

/** A key's value: its lines without indentation, blank ones dropped, joined by `\n`. */
export function readYumValue({ first, more }: YumKey): string {
  const lines = [first, ...more.map(({ value }) => value ?? '')]
  return lines.filter((line) => line !== '').join('\n')
}

type Open<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }

class DocumentReader {
  readonly #parts: Open<YumPart>[] = []
  #part: Open<YumPart> | undefined
  #key: Open<YumKey> | undefined
  /** Whether the last line is one of a value, or dnf and yum 3 would take the next for that if it began with a blank. */
  #run = false
  /** Blank and comment lines since the last of the key's. */
  #pending: YumKeyLine[] = []
  #opaque: YumPart['opaque'][number][] = []
  #top: number | undefined
  #keys = 0
  #valueLines = 0

  constructor(headless: boolean) {
    if (headless) this.#open({ id: undefined, line: 1, rest: '', indented: false, top: 0, bodyStart: 0 })
  }

  finish(): readonly YumPart[] {
    this.#close()
    return this.#parts
  }

  read(line: YumLine): boolean {
    if (line.kind === 'problem') throw refuseInjection(line.line, line.expected, decodeByteText(line.text))
    if (line.kind === 'header') this.#readHeader(line)
    else if (line.kind === 'pair') this.#readPair(line)
    else if (line.kind === 'continuation') this.#extend(line, line.text.slice(line.indent))
    else if (line.kind === 'opaque') this.#readOpaque(line)
    else this.#readAside(line)
    const isAttached = line.kind === 'comment' && line.indent === 0
    this.#top = isAttached ? (this.#top ?? line.start) : undefined
    return true
  }

  #readHeader({ id, line, rest, indent, start, next, text }: YumLine & { readonly kind: 'header' }): void {
    this.#close()
    const top = this.#top ?? start
    this.#open({ id: decodeByteText(id), line, rest, indented: indent > 0, top, bodyStart: next })
    if (this.#parts.length > PARTS_MAX) throw refuseInjection(line, `at most ${PARTS_MAX} sections`, text)
  }

  #open(part: Omit<YumPart, 'bodyEnd' | 'keys' | 'opaque'>): void {
    this.#part = { ...part, bodyEnd: part.bodyStart, keys: [], opaque: [] }
    this.#parts.push(this.#part)
    this.#opaque = []
    this.#run = true
  }

  #readPair(line: YumLine & { readonly kind: 'pair' }): void {
    this.#close()
    const { key, start, separator, end, next, text } = line
    const first = text.slice(separator + 1 - start).replace(/^[ \t]+/, '')
    this.#key = { key, line: line.line, start, separator, end, next, first, more: [] }
    this.#run = true
    this.#part?.keys.push(this.#key)
    this.#end(next)
    this.#keys += 1
    if (this.#keys > KEYS_MAX) throw refuseInjection(line.line, `at most ${KEYS_MAX} keys`, key)
  }

  #extend({ line: number, start, next, indent }: YumLine, value: string | undefined): void {
    for (const line of this.#pending) this.#key?.more.push(line)
    this.#key?.more.push({ start, next, indent, value })
    this.#pending = []
    this.#countValueLine(number)
    this.#run = true
    this.#end(next)
  }

  #readOpaque({ line, text }: YumLine): void {
    this.#opaque.push({ line, text })
    this.#run = false
  }

  /** A blank line or a comment. */
  #readAside(line: YumLine): void {
    const blanks = line.kind === 'blank' ? line.end - line.start : line.indent
    // To dnf an empty line that ends as in DOS begins with a blank, which it takes off at a value's end.
    if (line.kind === 'blank' && blanks === 0 && line.next - line.end === 2) return
    if (blanks === 0) this.#run = false
    else if (this.#run) this.#extend({ ...line, indent: blanks }, undefined)
    else if (this.#key !== undefined) {
      this.#pending.push({ start: line.start, next: line.next, indent: blanks, value: undefined })
      this.#countValueLine(line.line)
    }
  }

  #countValueLine(line: number): void {
    this.#valueLines += 1
    if (this.#valueLines > VALUE_LINES_MAX)
      throw refuseInjection(line, `at most ${VALUE_LINES_MAX} lines of values`, 'more')
  }

  #end(next: number): void {
    if (this.#part === undefined) return
    this.#part.bodyEnd = next
    if (this.#part.keys.length === 0) this.#part.bodyStart = next
    for (const one of this.#opaque) this.#part.opaque.push(one)
    this.#opaque = []
  }

  #close(): void {
    this.#key = undefined
    this.#pending = []
  }
}
