import type { Advisory } from '../model/advisory.ts'
import type { XmlEncoding } from './xml-encoding.ts'
import { decodeCdata, decodeText, detach, trimSpace } from './xml-text.ts'
import { type ElementVisitor, decodeAttributes, localName, walkElement } from './xml-walk.ts'

/** What messages about updateinfo.xml begin with. */
export const DOING = 'reading updateinfo.xml'

/** Longer than any real one; what is beyond is cut off. */
const MAX_TEXT_LENGTH = 500
/** The largest kernel updates of RHEL name some hundred. */
const MAX_CVES = 2_000

const CVE = /\bCVE-\d{4}-\d{4,19}\b/g

/** The children whose text is kept. */
const TEXTS = new Set(['id', 'title', 'severity'])

/** Collects of one `<update>` what an {@link Advisory} needs: of several children with one name the first. */
class AdvisoryVisitor implements ElementVisitor {
  readonly texts = new Map<string, string>()
  readonly cves = new Set<string>()
  type: string | undefined
  issued: string | undefined
  readonly #encoding: XmlEncoding
  #child = ''
  #current: string | undefined

  constructor(encoding: XmlEncoding) {
    this.#encoding = encoding
  }

  open(depth: number, name: string, attributes: string): void {
    const local = localName(name)
    if (depth === 0) this.type = decodeAttributes(attributes, this.#encoding, DOING).get('type')
    if (depth === 1) {
      this.#child = local
      this.#current = TEXTS.has(local) && !this.texts.has(local) ? local : undefined
      if (local === 'issued') this.issued ??= decodeAttributes(attributes, this.#encoding, DOING).get('date')
    }
    if (depth === 2 && local === 'reference' && this.#child === 'references')
      this.#addReference(decodeAttributes(attributes, this.#encoding, DOING))
  }

  text(depth: number, raw: string, cdata: boolean): void {
    if (depth !== 1 || this.#current === undefined) return
    const before = this.texts.get(this.#current) ?? ''
    if (before.length > MAX_TEXT_LENGTH) return
    this.texts.set(this.#current, before + (cdata ? decodeCdata : decodeText)(raw, this.#encoding, DOING))
  }

  #addReference(reference: ReadonlyMap<string, string>): void {
    if (this.cves.size >= MAX_CVES) return
    const values = ['id', 'title', 'href'].map((name) => reference.get(name) ?? '')
    // Bugs have them in their titles; the ids of references of type cve are not always any.
    const named = values.flatMap((value) => value.match(CVE) ?? [])
    const own = reference.get('type')?.toLowerCase() === 'cve' && named.length === 0 ? values.slice(0, 1) : []
    for (const cve of [...named, ...own]) if (cve !== '') this.cves.add(cut(cve))
  }
}

/** What was found where an element began: its advisory, unless it has no id, and the position after its end. */
export interface AdvisoryElement {
  readonly advisory: Advisory | undefined
  readonly end: number
}

/**
 * Reads an `<update>` element of updateinfo.xml.
 * @param text bytes, one a code unit
 * @param at the `<` of its start tag
 * @returns undefined when the text ends before the element does
 * @throws REPODATA_MALFORMED when its tags do not match, or a value that is kept cannot be decoded
 */
export function readAdvisoryElement(
  text: string,
  at: number,
  encoding: XmlEncoding,
): AdvisoryElement | undefined {
  const visitor = new AdvisoryVisitor(encoding)
  const end = walkElement(text, at, visitor, DOING)
  if (end === undefined) return undefined
  const id = keep(visitor.texts.get('id'))
  if (id === undefined || id === '') return { advisory: undefined, end }
  const advisory = {
    id,
    type: keep(visitor.type) || undefined,
    severity: keep(visitor.texts.get('severity')) || undefined,
    title: keep(visitor.texts.get('title')) || undefined,
    issued: toDate(keep(visitor.issued)),
    cves: [...visitor.cves].toSorted(),
  }
  return { advisory, end }
}

function keep(value: string | undefined): string | undefined {
  return value && cut(trimSpace(value))
}

function cut(value: string): string {
  const short = value.length > MAX_TEXT_LENGTH ? `${value.slice(0, MAX_TEXT_LENGTH - 1)}…` : value
  return detach(short) ?? ''
}

/** SUSE writes seconds since the epoch where others write a date. */
function toDate(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\d{1,11}$/.test(text)) return text
  return new Date(Number(text) * 1000).toISOString().slice(0, 19).replace('T', ' ')
}
