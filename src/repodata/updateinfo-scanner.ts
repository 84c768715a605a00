import type { Advisory } from '../model/advisory.ts'
import { DOING, readAdvisoryElement } from './advisory-element.ts'
import { DocumentFrame } from './document-frame.ts'
import { malformed, quote } from './malformed.ts'
import { localName, readMarkup, walkElement } from './xml-walk.ts'

/** The longest list of packages that one real update has takes a twentieth of it. */
const MAX_ELEMENT_BYTES = 16 * 1024 * 1024

/** Reads an updateinfo.xml that comes in pieces, cut anywhere. What is not yet complete at a piece's end waits for the next. */
export class UpdateinfoScanner {
  readonly #frame = new DocumentFrame(DOING, 'updates')
  #rest: Buffer = Buffer.alloc(0)
  #advisories: Advisory[] = []

  /** Bytes that wait for the rest of their element. Giving fewer than these again makes the scan's time grow quadratically. */
  get pendingBytes(): number {
    return this.#rest.length
  }

  /** Reads on; gives what became complete. Throws REPODATA_MALFORMED when what was read cannot be the beginning of an updateinfo.xml. */
  scan(bytes: Buffer): readonly Advisory[] {
    const block = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const text = block.toString('latin1')
    this.#rest = block.subarray(this.#frame.read(text, (start) => this.#readChild(text, start)))
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
    this.#frame.finish(this.#rest.toString('latin1'))
  }

  /** A child of the root, or the root's end tag; returns its end. */
  #readChild(text: string, start: number): number | undefined {
    const markup = readMarkup(text, start, DOING)
    if (markup === undefined) return undefined
    if (markup.kind === 'end') this.#frame.readEnd(text, start, markup)
    if (markup.kind !== 'start' && markup.kind !== 'empty') return markup.end
    if (localName(markup.name) !== 'update') return walkElement(text, start, undefined, DOING)
    const element = readAdvisoryElement(text, start, this.#frame.encoding)
    if (element?.advisory !== undefined) this.#advisories.push(element.advisory)
    return element?.end
  }
}
