import { DOING, type PackageFields } from './package-record.ts'
import type { XmlEncoding } from './xml-encoding.ts'
import { decodeCdata, decodeText, decodeTolerantly, detach, trimSpace } from './xml-text.ts'
import { type ElementVisitor, decodeAttributes, localName, walkElement } from './xml-walk.ts'

/** The children whose text or attributes a record needs. */
const KEPT = new Set(['name', 'arch', 'version', 'checksum', 'size', 'location'])

interface Child {
  /** Whether its prefix is the package's own: then it is not another vocabulary's element of the same name. */
  readonly native: boolean
  readonly attributes: Map<string, string>
  text: string
}

/** Collects the children of one `<package>` that a record needs; of several with one name the first, a native one rather. */
class PackageVisitor implements ElementVisitor {
  readonly children = new Map<string, Child>()
  type: string | undefined
  /** What `<format>` names as the source package; undefined where it names none, or cannot be read. */
  source: string | undefined
  readonly #encoding: XmlEncoding
  #prefix = ''
  #current: Child | undefined
  #format: 'none' | 'foreign' | 'native' = 'none'
  #isInFormat = false
  #isInSource = false
  #isSourceKnown = false

  constructor(encoding: XmlEncoding) {
    this.#encoding = encoding
  }

  open(depth: number, name: string, attributes: string): void {
    if (depth > 1) {
      if (depth === 2 && this.#isInFormat) this.#openSource(localName(name))
      return
    }
    const local = localName(name)
    const prefix = name.slice(0, name.length - local.length)
    if (depth === 0) {
      this.#prefix = prefix
      this.type = decodeAttributes(attributes, this.#encoding, DOING).get('type')
      return
    }
    this.#current = undefined
    this.#isInFormat = false
    this.#isInSource = false
    if (local === 'format') this.#openFormat(prefix === this.#prefix)
    if (!KEPT.has(local)) return
    const earlier = this.children.get(local)
    const native = prefix === this.#prefix
    if (earlier !== undefined && (earlier.native || !native)) return
    this.#current = { native, attributes: decodeAttributes(attributes, this.#encoding, DOING), text: '' }
    this.children.set(local, this.#current)
  }

  text(depth: number, raw: string, cdata: boolean): void {
    if (depth === 2 && this.#isInSource) this.#addSource(raw, cdata)
    if (depth !== 1 || this.#current === undefined) return
    this.#current.text += (cdata ? decodeCdata : decodeText)(raw, this.#encoding, DOING)
  }

  /** Of several the first, a native one rather. */
  #openFormat(isNative: boolean): void {
    if (this.#format === 'native' || (this.#format === 'foreign' && !isNative)) return
    this.#format = isNative ? 'native' : 'foreign'
    this.#isInFormat = true
    this.#isSourceKnown = false
    this.source = undefined
  }

  #openSource(local: string): void {
    this.#isInSource = local === 'sourcerpm' && !this.#isSourceKnown
    if (!this.#isInSource) return
    this.#isSourceKnown = true
    this.source = ''
  }

  #addSource(raw: string, cdata: boolean): void {
    const piece = decodeTolerantly(raw, this.#encoding, DOING, cdata)
    if (this.source !== undefined) this.source = piece === undefined ? undefined : this.source + piece
  }
}

/** What was found where an element began: its values, and the position after its end. */
export interface PackageElement {
  readonly fields: PackageFields
  readonly end: number
}

/**
 * Reads a `<package>` element written in any way XML allows: order, quotes, prefixes, comments, CDATA, references.
 * @param text bytes, one a code unit
 * @param at the `<` of its start tag
 * @returns undefined when the text ends before the element does
 * @throws REPODATA_MALFORMED when its tags do not match, or a value that is kept cannot be decoded
 */
export function readPackageElement(
  text: string,
  at: number,
  encoding: XmlEncoding,
): PackageElement | undefined {
  const visitor = new PackageVisitor(encoding)
  const end = walkElement(text, at, visitor, DOING)
  if (end === undefined) return undefined
  const attribute = (child: string, name: string) => detach(visitor.children.get(child)?.attributes.get(name))
  const content = (child: string) => {
    const found = visitor.children.get(child)
    return detach(found && trimSpace(found.text))
  }
  const fields: PackageFields = {
    type: visitor.type,
    name: content('name'),
    arch: content('arch'),
    epoch: attribute('version', 'epoch'),
    version: attribute('version', 'ver'),
    release: attribute('version', 'rel'),
    checksumType: attribute('checksum', 'type'),
    checksum: content('checksum'),
    size: attribute('size', 'package'),
    href: attribute('location', 'href'),
    base: attribute('location', 'xml:base'),
    source: detach(visitor.source && trimSpace(visitor.source)),
  }
  return { fields, end }
}
