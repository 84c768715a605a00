import { digestHex, type Digest } from '../model/digest.ts'
import { normalizeHref } from '../model/href.ts'
import { withoutBase } from './local-location.ts'
import { applyEdits, type TextEdit } from './text-edits.ts'
import { documentStart } from './xml-encoding.ts'
import { decodeAttribute, trimSpace } from './xml-text.ts'
import {
  attributesOf,
  listAttributes,
  localName,
  parseAttributes,
  readMarkup,
  type Markup,
} from './xml-walk.ts'

const DOING = 'rewriting repomd.xml'

/** Records that hold primary in another form, as createrepo_c and its kin name them. */
const OTHER_FORM = /^primary_/

/** The primary that stands in the old one's place. */
export interface NewPrimary {
  /** Of the old one, as parseRepomd gives it. */
  readonly oldHref: string
  /** ASCII. */
  readonly href: string
  readonly checksum: Digest
  readonly size: number
  readonly openChecksum: Digest
  readonly openSize: number
}

/** An element whose parent is the root, or such an element. */
interface Element {
  readonly name: string
  readonly tag: Markup
  readonly children: Element[]
  contentEnd: number
  end: number
}

/**
 * A repomd.xml without any `xml:base`, and with another primary where there is one: its location, checksums and sizes change, its time
 * stays, as the content is upstream's of that time. Records that hold the old primary in another form are gone; all other bytes stay.
 * @param bytes one that parseRepomd took
 */
export function localizeRepomd(bytes: Buffer, primary: NewPrimary | undefined): Buffer {
  const text = bytes.toString('latin1')
  const edits = listRecords(text).flatMap((record): readonly TextEdit[] => {
    const type = typeOf(text, record)
    const href = hrefOf(text, record)
    const isPrimary = type === 'primary' && primary !== undefined
    if (isPrimary ? href !== primary.oldHref : primary !== undefined && OTHER_FORM.test(type))
      return [cut(text, record)]
    return record.children.flatMap((child) => [
      ...(isLocation(child) ? withoutBase(text, child.tag, DOING) : []),
      ...(isPrimary ? replaceValue(text, child, primary) : []),
    ])
  })
  return applyEdits(bytes, edits)
}

/** Whether a record of a repomd.xml that parseRepomd took says to be at another base. */
export function hasBase(bytes: Buffer): boolean {
  return bytes.includes('xml:base') && localizeRepomd(bytes, undefined).length < bytes.length
}

function replaceValue(text: string, element: Element, primary: NewPrimary): readonly TextEdit[] {
  const content = (value: string | number) =>
    element.tag.kind === 'empty'
      ? []
      : [{ start: element.tag.end, end: element.contentEnd, text: `${value}` }]
  switch (element.name) {
    case 'location':
      return replaceHref(text, element.tag, primary.href)
    case 'checksum':
      return content(digestHex(primary.checksum))
    case 'open-checksum':
      return content(digestHex(primary.openChecksum))
    case 'size':
      return content(primary.size)
    case 'open-size':
      return content(primary.openSize)
    default:
      return []
  }
}

function replaceHref(text: string, tag: Markup, href: string): readonly TextEdit[] {
  const from = tag.start + 1 + tag.name.length
  return listAttributes(attributesOf(text, tag), DOING)
    .filter(({ name }) => name === 'href')
    .map(({ start, end }) => ({ start: from + start, end: from + end, text: ` href="${href}"` }))
}

/** An element and the white space before it. */
function cut(text: string, { tag, end }: Element): TextEdit {
  let { start } = tag
  while (/[ \t\r\n]/.test(text[start - 1] ?? '')) start -= 1
  return { start, end, text: '' }
}

function typeOf(text: string, { tag }: Element): string {
  return trimSpace(parseAttributes(attributesOf(text, tag), DOING).get('type') ?? '')
}

function hrefOf(text: string, record: Element): string | undefined {
  const location = record.children.find(isLocation)
  const href = location && parseAttributes(attributesOf(text, location.tag), DOING).get('href')
  return href === undefined ? undefined : normalizeHref(decodeAttribute(href, 'utf-8', DOING))
}

function isLocation({ name }: Element): boolean {
  return name === 'location'
}

/** The `<data>` elements of a document, with their children. */
function listRecords(text: string): readonly Element[] {
  const records: Element[] = []
  const open: Element[] = []
  for (let at = text.indexOf('<', documentStart(text)); at >= 0;) {
    const markup = readMarkup(text, at, DOING)
    if (markup === undefined) break
    if (markup.kind === 'start' || markup.kind === 'empty') {
      const element: Element = {
        name: localName(markup.name),
        tag: markup,
        children: [],
        contentEnd: markup.end,
        end: markup.end,
      }
      if (open.length === 1 && element.name === 'data') records.push(element)
      open.at(-1)?.children.push(element)
      if (markup.kind === 'start') open.push(element)
    } else if (markup.kind === 'end') {
      const element = open.pop()
      if (element !== undefined) Object.assign(element, { contentEnd: markup.start, end: markup.end })
    }
    at = text.indexOf('<', markup.end)
  }
  return records
}
