/** Levels of an index: the assignment's value, a list, a pair within it. One more, so that what is wrong is told by what follows. */
const DEPTH_MAX = 4

const SPACE = /(?:[ \t\r\n]|#[^\n]*)*/y
const ASSIGNMENT = /([A-Za-z_]\w*)[ \t]*=(?!=)/y
/** Without triple quotes, which no list writer makes. */
const STRING = /[uU]?(?:'((?:[^'\\\n]|\\[^])*)'|"((?:[^"\\\n]|\\[^])*)")/y
const ESCAPE = /\\(?:(['"\\])|([nrt])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|[^])/g
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
const WORDS: Readonly<Record<string, unknown>> = { None: null, True: true, False: false }

/**
 * Reads assignments of literals, as in `latest_ci_repos = { 'epel-el9': 'http://…', }`: dictionaries, lists, tuples and strings of Python, never
 * evaluated. Of a name or key that comes twice the last one counts.
 *
 * @returns the values by name
 * @throws SyntaxError with the line where something else stands
 */
export function parsePythonLiterals(text: string): ReadonlyMap<string, unknown> {
  const reader = new LiteralReader(text)
  const values = new Map<string, unknown>()
  while (!reader.atEnd) {
    const [, name = ''] = reader.expect(ASSIGNMENT, 'NAME = VALUE')
    values.set(name, reader.readValue(0))
  }
  return values
}

class LiteralReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Whether nothing but space and comments is left. */
  get atEnd(): boolean {
    this.#match(SPACE)
    return this.#at === this.#text.length
  }

  readValue(depth: number): unknown {
    if (depth > DEPTH_MAX) throw this.#fail(`at most ${DEPTH_MAX} levels`)
    if (this.#skip('{')) return this.#readDictionary(depth)
    if (this.#skip('[')) return this.#readItems(']', depth)
    if (this.#skip('(')) return this.#readItems(')', depth)
    const word = this.#match(/(?:None|True|False)\b/y)?.[0]
    return word === undefined ? this.#readString() : WORDS[word]
  }

  expect(pattern: RegExp, expected: string): RegExpExecArray {
    this.#match(SPACE)
    const match = this.#match(pattern)
    if (match === null) throw this.#fail(expected)
    return match
  }

  #readDictionary(depth: number): Readonly<Record<string, unknown>> {
    const entries: [string, unknown][] = []
    while (!this.#skip('}')) {
      const key = this.#readString()
      if (!this.#skip(':')) throw this.#fail(':')
      entries.push([key, this.readValue(depth + 1)])
      if (!this.#skip(',') && !this.#sees('}')) throw this.#fail('a comma or }')
    }
    return Object.fromEntries(entries)
  }

  #readItems(end: string, depth: number): readonly unknown[] {
    const items: unknown[] = []
    while (!this.#skip(end)) {
      items.push(this.readValue(depth + 1))
      if (!this.#skip(',') && !this.#sees(end)) throw this.#fail(`a comma or ${end}`)
    }
    return items
  }

  #readString(): string {
    const [, single, double = ''] = this.expect(STRING, 'a string, a list or a dictionary')
    return (single ?? double).replace(
      ESCAPE,
      (written, itself?: string, control?: string, byte?: string, unit?: string) => {
        if (itself !== undefined) return itself
        if (control !== undefined) return CONTROLS[control] ?? ''
        const code = byte ?? unit
        if (code === undefined) throw this.#fail(`a string without ${written}`)
        return String.fromCharCode(Number.parseInt(code, 16))
      },
    )
  }

  #sees(sign: string): boolean {
    this.#match(SPACE)
    return this.#text[this.#at] === sign
  }

  #skip(sign: string): boolean {
    if (!this.#sees(sign)) return false
    this.#at += 1
    return true
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match !== null) this.#at = pattern.lastIndex
    return match
  }

  #fail(expected: string): SyntaxError {
    const before = this.#text.slice(0, this.#at)
    return new SyntaxError(`line ${before.split('\n').length}: expected ${expected}`)
  }
}
