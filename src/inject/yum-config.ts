import { readYumLines, type YumLine } from './yum-lines.ts'

/** A key's value: its lines without indentation, those left blank dropped, joined by `\n`. */
export interface YumValue {
  readonly text: string
  /** Of the key, 1-based. */
  readonly line: number
}

/** A comment that would be a key without its `#`, as in `#baseurl=http://…`. */
export interface YumDisabledValue extends YumValue {
  /** In lower case. */
  readonly key: string
}

/** A section, and what all parts of the file under its header say. */
export interface YumSection {
  /** As written between the brackets. */
  readonly id: string
  /** Of its first header, 1-based. */
  readonly line: number
  /** By key in lower case; of a repeated key the last value. */
  readonly values: ReadonlyMap<string, YumValue>
  readonly disabled: readonly YumDisabledValue[]
}

/** A line that yum and dnf would stumble over. */
export interface YumProblem {
  /** 1-based. */
  readonly line: number
  /** The line as it is, secrets and control characters included; absent when it is no text. */
  readonly text?: string
  /** What should be there instead. */
  readonly expected: string
}

/** A yum or dnf configuration: with any problem the sections are not to be relied on. */
export interface YumConfig {
  /** In the order of the file, each id once. */
  readonly sections: readonly YumSection[]
  /** The first ones, none when the file is right. */
  readonly problems: readonly YumProblem[]
}

/** Some 5,000 are what a host entitled to everything has. */
const SECTIONS_MAX = 10_000
/** Keys and commented-out keys of a file. */
const VALUES_MAX = 200_000
const PROBLEMS_MAX = 20

const DISABLED = /^[#;]+[ \t]*([A-Za-z][A-Za-z0-9_]*)[ \t]*[=:](.*)$/

/**
 * Reads a `.repo` file, yum.conf, dnf.conf or a reposync configuration in UTF-8, line by line as {@link readYumLines} does. As both yum
 * and dnf do it, sections of one id are one section, and of a repeated key the last value counts. A comment within a value is none of its
 * lines, though both would take an indented one for that.
 *
 * @param bytes of whatever origin; takes time and memory in proportion to their number
 */
export function parseYumConfig(bytes: Uint8Array): YumConfig {
  const reader = new YumReader()
  const text = decode(bytes)
  if (text === undefined)
    return { sections: [], problems: [{ line: findUndecodable(bytes), expected: 'UTF-8' }] }
  readYumLines(text, (line) => reader.read(line))
  return { sections: reader.sections, problems: reader.problems }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    // Leaves out a byte order mark.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The first line that is no UTF-8; a line break is never part of a longer sequence. */
function findUndecodable(bytes: Uint8Array): number {
  let line = 1
  for (let start = 0; start < bytes.length; line += 1) {
    const end = bytes.indexOf(0x0a, start)
    const stop = end < 0 ? bytes.length : end
    if (decode(bytes.subarray(start, stop)) === undefined) return line
    start = stop + 1
  }
  return line
}

interface OpenSection {
  readonly id: string
  readonly line: number
  readonly values: Map<string, YumValue>
  readonly disabled: YumDisabledValue[]
}

class YumReader {
  readonly problems: YumProblem[] = []
  readonly #sections = new Map<string, OpenSection>()
  #section: OpenSection | undefined
  /** The key whose value the next line may continue. */
  #open: { readonly key: string; readonly line: number; readonly lines: string[] } | undefined
  #values = 0
  #excess = false

  get sections(): readonly YumSection[] {
    this.#close()
    return [...this.#sections.values()]
  }

  /** Whether reading on is of use. */
  read(line: YumLine): boolean {
    const { kind, text, indent } = line
    if (kind === 'comment') this.#readComment(text.slice(indent), line.line)
    else if (kind === 'header') this.#openSection(line)
    else if (kind === 'pair') this.#readPair(line)
    else if (kind === 'continuation') this.#open?.lines.push(text.slice(indent))
    else if (kind === 'problem') this.#refuse(line.line, text, line.expected)
    return !this.#excess && this.problems.length < PROBLEMS_MAX
  }

  #openSection({ id, rest, text, line }: YumLine & { readonly kind: 'header' }): void {
    // Nearly always two lines that lost the break between them.
    if (rest !== '') return this.#refuse(line, text, 'a section header such as [epel]')
    this.#close()
    const section = this.#sections.get(id) ?? { id, line, values: new Map(), disabled: [] }
    this.#sections.set(id, section)
    this.#section = section
    if (this.#sections.size > SECTIONS_MAX) this.#exceed(line, text, `at most ${SECTIONS_MAX} sections`)
  }

  #readPair({ key, separator, start, text, line }: YumLine & { readonly kind: 'pair' }): void {
    this.#close()
    const value = text.slice(separator + 1 - start).replace(/^[ \t]+/, '')
    this.#open = { key, line, lines: value === '' ? [] : [value] }
    // Its place among the keys is that of its last value.
    this.#section?.values.delete(key)
    this.#count(line, text)
  }

  #readComment(text: string, line: number): void {
    const [, key, value] = DISABLED.exec(text) ?? []
    if (this.#section === undefined || key === undefined || value === undefined) return
    this.#section.disabled.push({ key: key.toLowerCase(), text: value.trim(), line })
    this.#count(line, text)
  }

  #close(): void {
    const { key, line, lines } = this.#open ?? {}
    this.#open = undefined
    if (key === undefined || line === undefined || lines === undefined) return
    this.#section?.values.set(key, { text: lines.join('\n'), line })
  }

  #count(line: number, text: string): void {
    this.#values += 1
    if (this.#values > VALUES_MAX) this.#exceed(line, text, `at most ${VALUES_MAX} keys in a file`)
  }

  #exceed(line: number, text: string, expected: string): void {
    this.#excess = true
    this.#refuse(line, text, expected)
  }

  #refuse(line: number, text: string, expected: string): void {
    this.problems.push({ line, text, expected })
  }
}
