import { malformed, quote } from './malformed.ts'
import type { XmlEncoding } from './xml-encoding.ts'
import { decodeAttribute, trimSpace } from './xml-text.ts'

/** Deeper elements than any repository's are an attack on the stack of whoever reads them. */
const MAX_DEPTH = 64

/** One piece of markup: where it begins and ends in its text. `name` is a tag's, prefix and all, and else empty. */
export interface Markup {
  readonly kind: 'start' | 'empty' | 'end' | 'comment' | 'cdata' | 'instruction'
  readonly name: string
  readonly start: number
  readonly end: number
}

/** What {@link walkElement} reports. Depth 0 is the element itself; text has the depth of the element it is in. */
export interface ElementVisitor {
  /** @param attributes what stands between the tag's name and its end */
  open(depth: number, name: string, attributes: string, tag: Markup): void
  /** @param cdata whether it stands in a CDATA section, and holds no references */
  text(depth: number, raw: string, cdata: boolean): void
}

const QUOTE = 34
const APOSTROPHE = 39
const GREATER = 62
const LESS = 60

/** The position after the `>` that ends the tag begun at `at`, heeding quotes; undefined when the text ends before. */
function findTagEnd(text: string, at: number, doing: string): number | undefined {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === GREATER) return i + 1
    if (code === LESS) throw malformed(doing, `"<" within a tag: ${quote(text.slice(at, i + 1))}`)
    if (code !== QUOTE && code !== APOSTROPHE) continue
    i = text.indexOf(code === QUOTE ? '"' : "'", i + 1)
    if (i < 0) return undefined
  }
  return undefined
}

function readTag(text: string, at: number, doing: string): Markup | undefined {
  const end = findTagEnd(text, at, doing)
  if (end === undefined) return undefined
  const closing = text[at + 1] === '/'
  const kind = closing ? 'end' : text[end - 2] === '/' ? 'empty' : 'start'
  const nameStart = at + (closing ? 2 : 1)
  let nameEnd = nameStart
  while (!/[ \t\r\n/>"'=]/.test(text[nameEnd] ?? '>')) nameEnd++
  const name = text.slice(nameStart, nameEnd)
  if (!/^[A-Za-z_:\u0080-\u00ff]/.test(name))
    throw malformed(doing, `not a tag: ${quote(text.slice(at, end))}`)
  if (closing && trimSpace(text.slice(nameEnd, end - 1)) !== '') {
    throw malformed(doing, `not an end tag: ${quote(text.slice(at, end))}`)
  }
  return { kind, name, start: at, end }
}

function readSection(
  text: string,
  at: number,
  kind: Markup['kind'],
  open: string,
  close: string,
): Markup | undefined {
  const found = text.indexOf(close, at + open.length)
  return found < 0 ? undefined : { kind, name: '', start: at, end: found + close.length }
}

/**
 * Reads the piece of markup that begins with the `<` at `at`; undefined when the text ends before it does. Characters may be
 * bytes, one a code unit: markup is ASCII. Throws REPODATA_MALFORMED for what is no markup, and for document type
 * declarations: repodata have none, and entities declared in one are an attack.
 */
export function readMarkup(text: string, at: number, doing: string): Markup | undefined {
  const next = text[at + 1]
  if (next === undefined) return undefined
  if (next === '?') return readSection(text, at, 'instruction', '<?', '?>')
  if (next !== '!') return readTag(text, at, doing)
  if (text.startsWith('<!--', at)) return readSection(text, at, 'comment', '<!--', '-->')
  if (text.startsWith('<![CDATA[', at)) return readSection(text, at, 'cdata', '<![CDATA[', ']]>')
  const begun = text.slice(at, at + 9)
  if ('<!--'.startsWith(begun) || '<![CDATA['.startsWith(begun)) return undefined
  throw malformed(doing, `declarations are refused: ${quote(begun)}`)
}

/** The part of a name after its namespace prefix. */
export function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

/** What stands between a tag's name and its end. */
export function attributesOf(text: string, tag: Markup): string {
  return text.slice(tag.start + 1 + tag.name.length, tag.end - (tag.kind === 'empty' ? 2 : 1))
}

const ATTRIBUTE = /[ \t\r\n]+([^ \t\r\n=/>"'<]+)[ \t\r\n]*=[ \t\r\n]*(?:"([^"<]*)"|'([^'<]*)')/y

/** An attribute of a tag, and where it stands among the tag's attributes, with the white space before it. */
export interface Attribute {
  readonly name: string
  /** As written. */
  readonly value: string
  readonly start: number
  readonly end: number
}

/** The attributes of a tag in their order. Throws REPODATA_MALFORMED when there is anything else. */
export function listAttributes(attributes: string, doing: string): Attribute[] {
  const found: Attribute[] = []
  let at = 0
  for (;;) {
    ATTRIBUTE.lastIndex = at
    const match = ATTRIBUTE.exec(attributes)
    if (match === null) break
    const end = at + match[0].length
    found.push({ name: match[1] ?? '', value: match[2] ?? match[3] ?? '', start: at, end })
    at = end
  }
  if (trimSpace(attributes.slice(at)) !== '') throw malformed(doing, `not attributes: ${quote(attributes)}`)
  return found
}

/**
 * The attributes of a tag by name, prefix and all, values as written. Throws REPODATA_MALFORMED when there is anything else,
 * or one of them twice.
 */
export function parseAttributes(attributes: string, doing: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const { name, value } of listAttributes(attributes, doing)) {
    if (values.has(name)) throw malformed(doing, `an attribute twice in one tag: ${quote(name)}`)
    values.set(name, value)
  }
  return values
}

/** As {@link parseAttributes}, with the values that they stand for. */
export function decodeAttributes(
  attributes: string,
  encoding: XmlEncoding,
  doing: string,
): Map<string, string> {
  const values = parseAttributes(attributes, doing)
  for (const [name, raw] of values) values.set(name, decodeAttribute(raw, encoding, doing))
  return values
}

/**
 * Walks the element whose start tag begins at `at`. Returns the position after its end, or undefined when the text ends
 * before it. Throws REPODATA_MALFORMED when tags do not match.
 */
export function walkElement(
  text: string,
  at: number,
  visitor: ElementVisitor | undefined,
  doing: string,
): number | undefined {
  const open: string[] = []
  for (let position = at; ;) {
    const markup = readMarkup(text, position, doing)
    if (markup === undefined) return undefined
    if (markup.kind === 'start' || markup.kind === 'empty') {
      visitor?.open(open.length, markup.name, attributesOf(text, markup), markup)
      if (markup.kind === 'start') open.push(markup.name)
      if (open.length > MAX_DEPTH) throw malformed(doing, `elements nested deeper than ${MAX_DEPTH}`)
    } else if (markup.kind === 'end') {
      const expected = open.pop()
      if (expected !== markup.name) {
        throw malformed(
          doing,
          `expected </${expected}>, found ${quote(text.slice(markup.start, markup.end))}`,
        )
      }
    } else if (markup.kind === 'cdata') {
      visitor?.text(open.length - 1, text.slice(markup.start + 9, markup.end - 3), true)
    }
    if (open.length === 0) return markup.end
    position = text.indexOf('<', markup.end)
    if (position < 0) return undefined
    if (position > markup.end) visitor?.text(open.length - 1, text.slice(markup.end, position), false)
  }
}
