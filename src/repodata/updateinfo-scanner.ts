import type { Advisory } from '../model/advisory.ts'
import { DOING, readAdvisoryElement } from './advisory-element.ts'
import { malformed, quote } from './malformed.ts'
import { documentStart, readEncoding, type XmlEncoding } from './xml-encoding.ts'
import { trimSpace } from './xml-text.ts'
import { localName, readMarkup, walkElement } from './xml-walk.ts'

/** The longest list of packages that one real update has takes a twentieth of it. */
const MAX_ELEMENT_BYTES = 16 * 1024 * 1024

/** What is worth a scan: see {@link UpdateinfoScanner.scan}. */
export const WINDOW_BYTES = 64 * 1024

/** Reads an updateinfo.xml that comes in pieces, cut anywhere. What is not yet complete at a piece's end waits for the next. */
export class UpdateinfoScanner {
  #place: 'prolog' | 'content' | 'epilog' = 'prolog'
  #begun = false
  #encoding: XmlEncoding = 'utf-8'
  #rootName = ''
  #rest: Buffer = Buffer.alloc(0)
  #advisories: Advisory[] = []

  /** Bytes that wait for the rest of their element. Giving fewer than these again makes the scan's time grow quadratically. */
  get pendingBytes(): number {
    return this.#rest.length
  }

  /** Reads on; gives what became complete. Throws REPODATA_MALFORMED when what was read cannot be the beginning of an updateinfo.xml. */
  scan(bytes: Buffer): readonly Advisory[] {
    const block = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    this.#rest = block.subarray(this.#read(block.toString('latin1')))
    if (this.#rest.length > MAX_ELEMENT_BYTES) {
      const beginning = quote(this.#rest.toString('latin1', 0, 80))
      throw malformed(DOING, `an element larger than ${MAX_ELEMENT_BYTES} bytes: ${beginning}`)
    }
    const advisories = this.#advisories
    this.#advisories = []
    return advisories
  }

  /** Throws REPODATA_MALFORMED when this is not the document's end: the file was cut short. */
  finish(): void {
    if (this.#place === 'epilog' && trimSpace(this.#rest.toString('latin1')) === '') return
    const missing = this.#place === 'prolog' ? 'no root element' : `no </${this.#rootName}>`
    throw malformed(DOING, `truncated: ${missing}`)
  }

  /** Reads all that is complete; returns the position up to which it is done with. */
  #read(text: string): number {
    let at = this.#begun ? 0 : this.#begin(text)
    if (at < 0) return 0
    for (;;) {
      const start = text.indexOf('<', at)
      if (this.#place !== 'content') this.#refuseText(text.slice(at, start < 0 ? text.length : start))
      if (start < 0) return text.length
      const end = this.#place === 'content' ? this.#readChild(text, start) : this.#readOutside(text, start)
      if (end === undefined) return start
      at = end
    }
  }

  /** Finds the encoding, once the XML declaration is complete; negative until then. */
  #begin(text: string): number {
    const start = documentStart(text)
    const declarationEnd = text.indexOf('?>', start)
    if (text.length - start < 5 || (text.startsWith('<?xml', start) && declarationEnd < 0)) return -1
    this.#encoding = readEncoding(text.slice(start, declarationEnd < 0 ? start + 5 : declarationEnd), DOING)
    this.#begun = true
    return start
  }

  #refuseText(text: string): void {
    if (trimSpace(text) === '') return
    const where = this.#place === 'prolog' ? 'not XML' : `text after </${this.#rootName}>`
    throw malformed(DOING, `${where}: ${quote(trimSpace(text.slice(0, 200)))}`)
  }

  /** Markup before or after the root element; returns its end. */
  #readOutside(text: string, start: number): number | undefined {
    const markup = readMarkup(text, start, DOING)
    if (markup === undefined || markup.kind === 'comment' || markup.kind === 'instruction') return markup?.end
    const found = quote(text.slice(start, markup.end))
    if (this.#place === 'epilog') throw malformed(DOING, `content after </${this.#rootName}>: ${found}`)
    const isTag = markup.kind === 'start' || markup.kind === 'empty'
    if (!isTag || localName(markup.name) !== 'updates')
      throw malformed(DOING, `expected <updates>, found ${found}`)
    this.#rootName = markup.name
    this.#place = markup.kind === 'empty' ? 'epilog' : 'content'
    return markup.end
  }

  /** A child of the root, or the root's end tag; returns its end. */
  #readChild(text: string, start: number): number | undefined {
    const markup = readMarkup(text, start, DOING)
    if (markup === undefined) return undefined
    if (markup.kind === 'end') {
      if (markup.name !== this.#rootName)
        throw malformed(DOING, `expected </${this.#rootName}>, found ${quote(text.slice(start, markup.end))}`)
      this.#place = 'epilog'
    }
    if (markup.kind !== 'start' && markup.kind !== 'empty') return markup.end
    if (localName(markup.name) !== 'update') return walkElement(text, start, undefined, DOING)
    const element = readAdvisoryElement(text, start, this.#encoding)
    if (element?.advisory !== undefined) this.#advisories.push(element.advisory)
    return element?.end
  }
}
