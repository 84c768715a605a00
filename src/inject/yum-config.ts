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

/** No line of real use is as long: Red Hat's longest is below 1 KB. In UTF-16 units. */
const LINE_MAX = 65_536
/** Some 5,000 are what a host entitled to everything has. */
const SECTIONS_MAX = 10_000
/** Keys and commented-out keys of a file. */
const VALUES_MAX = 200_000
const PROBLEMS_MAX = 20

const HEADER = /^[ \t]*\[([^\]]+)\][ \t]*(?:[#;].*)?$/
const DISABLED = /^[#;]+[ \t]*([A-Za-z][A-Za-z0-9_]*)[ \t]*[=:](.*)$/
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/

const KEY_VALUE = 'key=value'

/**
 * Reads a `.repo` file, yum.conf, dnf.conf or a reposync configuration: UTF-8, `[section]`, `key=value` or `key: value`, full-line
 * comments with `#` or `;`, indented lines that continue a value. Where yum 3 and dnf differ, what only one of them accepts is
 * accepted: `:` and keys of any case as by yum, an indented header as by dnf. As both do it, sections of one id are one section, and of
 * a repeated key the last value counts. A comment within a value is none of its lines, though dnf would take an indented one for that.
 *
 * @param bytes of whatever origin; takes time and memory in proportion to their number
 */
export function parseYumConfig(bytes: Uint8Array): YumConfig {
  const reader = new YumReader()
  const text = decode(bytes)
  if (text === undefined)
    return { sections: [], problems: [{ line: findUndecodable(bytes), expected: 'UTF-8' }] }
  let line = 1
  for (let start = 0; start <= text.length && !reader.full; line += 1) {
    const end = text.indexOf('\n', start)
    const stop = end < 0 ? text.length : end
    reader.read(text.slice(start, stop), line)
    start = stop + 1
  }
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

  /** Whether reading on is of no use. */
  get full(): boolean {
    return this.#excess || this.problems.length >= PROBLEMS_MAX
  }

  get sections(): readonly YumSection[] {
    this.#close()
    return [...this.#sections.values()]
  }

  read(written: string, line: number): void {
    const text = trimEnd(written)
    const indented = /^[ \t]/.test(text)
    const start = indented ? text.search(/[^ \t]/) : 0
    if (text.length > LINE_MAX) this.#refuse(line, text, `a line of at most ${LINE_MAX} characters`)
    else if (text === '') return
    else if (text[start] === '#' || text[start] === ';') this.#readComment(text.slice(start), line)
    else if (CONTROL.test(text)) this.#refuse(line, text, 'text without control characters')
    else if (text[start] === '[' && HEADER.test(text)) this.#openSection(text, line)
    else if (text[start] === '[' && !indented) this.#refuse(line, text, 'a section header such as [epel]')
    else if (this.#section === undefined) this.#refuse(line, text, 'a section header such as [epel] above it')
    else if (!indented) this.#readPair(this.#section, text, line)
    else if (this.#open !== undefined) this.#open.lines.push(text.slice(start))
    else this.#refuse(line, text, `${KEY_VALUE} without indentation: it continues no value`)
  }

  #openSection(text: string, line: number): void {
    this.#close()
    const id = HEADER.exec(text)?.[1] ?? ''
    const section = this.#sections.get(id) ?? { id, line, values: new Map(), disabled: [] }
    this.#sections.set(id, section)
    this.#section = section
    if (this.#sections.size > SECTIONS_MAX) this.#exceed(line, text, `at most ${SECTIONS_MAX} sections`)
  }

  #readPair(section: OpenSection, text: string, line: number): void {
    const separator = text.search(/[=:]/)
    if (separator <= 0) return this.#refuse(line, text, KEY_VALUE)
    this.#close()
    const key = trimEnd(text.slice(0, separator)).toLowerCase()
    const value = text.slice(separator + 1).replace(/^[ \t]+/, '')
    this.#open = { key, line, lines: value === '' ? [] : [value] }
    // Its place among the keys is that of its last value.
    section.values.delete(key)
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

/** Without blanks at the end and one carriage return after them; linear, as a regular expression anchored there is not. */
function trimEnd(text: string): string {
  let end = text.endsWith('\r') ? text.length - 1 : text.length
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end -= 1
  return text.slice(0, end)
}
