import { isUrl, toBasedHref } from '../model/based-href.ts'
import { digestHex, digestOf } from '../model/digest.ts'
import type { TextEdit } from './text-edits.ts'
import type { XmlEncoding } from './xml-encoding.ts'
import { decodeAttribute } from './xml-text.ts'
import { attributesOf, listAttributes, type Markup } from './xml-walk.ts'

/**
 * What makes a `<location>` lead clients to where they have the metadata from: without its `xml:base`, which all of them know by this very
 * name, and with the href that the package then has. None for one that leads there already.
 * @param text bytes, one a code unit
 */
export function localizeLocation(
  text: string,
  tag: Markup,
  encoding: XmlEncoding,
  doing: string,
): readonly TextEdit[] {
  const from = tag.start + 1 + tag.name.length
  const attributes = listAttributes(attributesOf(text, tag), doing)
  const read = (name: string) => {
    const found = attributes.find((one) => one.name === name)
    return found && { ...found, value: decodeAttribute(found.value, encoding, doing) }
  }
  const base = read('xml:base')
  const href = read('href')
  const cut =
    base === undefined || base.value === ''
      ? []
      : [{ start: from + base.start, end: from + base.end, text: '' }]
  if (href === undefined || (cut.length === 0 && !isUrl(href.value))) return cut
  const local = toBasedHref(base?.value, href.value) ?? unusable(base?.value, href.value)
  return [
    ...cut,
    { start: from + href.start, end: from + href.end, text: ` href="${escapeAttribute(local)}"` },
  ]
}

/** A location without its `xml:base`, whatever its href is. */
export function withoutBase(text: string, tag: Markup, doing: string): readonly TextEdit[] {
  const from = tag.start + 1 + tag.name.length
  return listAttributes(attributesOf(text, tag), doing)
    .filter(({ name }) => name === 'xml:base')
    .map(({ start, end }) => ({ start: from + start, end: from + end, text: '' }))
}

/** A package that nobody can have, here or there: what names it must not lead anywhere else all the same. */
function unusable(base = '', href: string): string {
  return `_base/${digestHex(digestOf(`${base} ${href}`))}`
}

/** In ASCII, and so in any encoding. */
function escapeAttribute(value: string): string {
  return value
    .replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/[^ -~]/gu, (character) => `&#${character.codePointAt(0)};`)
}
