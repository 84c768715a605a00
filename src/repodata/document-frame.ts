import { malformed, quote } from './malformed.ts'
import { documentStart, readEncoding, type XmlEncoding } from './xml-encoding.ts'
import { trimSpace } from './xml-text.ts'
import { localName, readMarkup, type Markup } from './xml-walk.ts'

/**
 * What stands around the elements of a document that is read piece by piece: its declaration, the root's tags, and that there is nothing
 * else but comments, instructions and white space.
 */
export class DocumentFrame {
  place: 'prolog' | 'content' | 'epilog' = 'prolog'
  encoding: XmlEncoding = 'utf-8'
  readonly #doing: string
  readonly #root: string
  #rootName = ''
  #begun = false

  /**
   * @param doing what messages begin with
   * @param root the root element's local name
   */
  constructor(doing: string, root: string) {
    this.#doing = doing
    this.#root = root
  }

  /** Where the text goes on: 0 but for the first time, which finds the encoding once the XML declaration is complete; negative until then. */
  begin(text: string): number {
    if (this.#begun) return 0
    const start = documentStart(text)
    const declarationEnd = text.indexOf('?>', start)
    if (text.length - start < 5 || (text.startsWith('<?xml', start) && declarationEnd < 0)) return -1
    const declaration = text.slice(start, declarationEnd < 0 ? start + 5 : declarationEnd)
    this.encoding = readEncoding(declaration, this.#doing)
    this.#begun = true
    return start
  }

  /** Refuses text outside the root element. Throws REPODATA_MALFORMED, as all here. */
  refuseText(text: string): void {
    if (trimSpace(text) === '') return
    const where = this.place === 'prolog' ? 'not XML' : `text after </${this.#rootName}>`
    throw malformed(this.#doing, `${where}: ${quote(trimSpace(text.slice(0, 200)))}`)
  }

  /**
   * Reads markup before or after the root element, or the root's start tag.
   * @returns its end; undefined while it is not complete
   */
  readOutside(text: string, start: number, onRoot?: (root: Markup) => void): number | undefined {
    const markup = readMarkup(text, start, this.#doing)
    if (markup === undefined || markup.kind === 'comment' || markup.kind === 'instruction') return markup?.end
    const found = quote(text.slice(start, markup.end))
    if (this.place === 'epilog') throw malformed(this.#doing, `content after </${this.#rootName}>: ${found}`)
    const isTag = markup.kind === 'start' || markup.kind === 'empty'
    if (!isTag || localName(markup.name) !== this.#root)
      throw malformed(this.#doing, `expected <${this.#root}>, found ${found}`)
    this.#rootName = markup.name
    this.place = markup.kind === 'empty' ? 'epilog' : 'content'
    onRoot?.(markup)
    return markup.end
  }

  /**
   * Reads all of a text that is complete; returns the position up to which it is done with.
   * @param readChild reads a child of the root, or the root's end tag, and returns its end; undefined while it is not complete
   */
  read(text: string, readChild: (start: number) => number | undefined): number {
    let at = this.begin(text)
    if (at < 0) return 0
    for (;;) {
      const start = text.indexOf('<', at)
      if (this.place !== 'content') this.refuseText(text.slice(at, start < 0 ? text.length : start))
      if (start < 0) return text.length
      const end = this.place === 'content' ? readChild(start) : this.readOutside(text, start)
      if (end === undefined) return start
      at = end
    }
  }

  /** Takes an end tag among the root's children for the root's own. */
  readEnd(text: string, start: number, markup: Markup): void {
    if (markup.name !== this.#rootName)
      throw malformed(
        this.#doing,
        `expected </${this.#rootName}>, found ${quote(text.slice(start, markup.end))}`,
      )
    this.place = 'epilog'
  }

  /** Refuses a document that ends here, unless this is its end. */
  finish(left: string): void {
    if (this.place === 'epilog' && trimSpace(left) === '') return
    const missing = this.place === 'prolog' ? 'no root element' : `no </${this.#rootName}>`
    throw malformed(this.#doing, `truncated: ${missing}`)
  }
}
