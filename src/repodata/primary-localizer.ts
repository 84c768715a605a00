import { DocumentFrame } from './document-frame.ts'
import { localizeLocation } from './local-location.ts'
import { malformed, quote } from './malformed.ts'
import { DOING } from './package-record.ts'
import { MAX_ELEMENT_BYTES } from './primary-scanner.ts'
import { applyEdits, type TextEdit } from './text-edits.ts'
import { joinWindows } from './windows.ts'
import { localName, readMarkup, walkElement, type Markup } from './xml-walk.ts'

/**
 * Rewrites a primary.xml, as it arrives, so that no package of it leads clients to another server: see local-location.ts. Every other byte
 * stays. Memory is bounded as in {@link readPrimary}, and the same bytes give the same, however they are cut.
 * Throws REPODATA_MALFORMED for what is no primary.xml, or ends too early.
 * @param onChange told at the latest before the end when it is not the same bytes any more
 */
export async function* localizePrimary(
  chunks: AsyncIterable<Buffer>,
  onChange?: () => void,
): AsyncGenerator<Buffer, void, undefined> {
  const localizer = new PrimaryLocalizer()
  for await (const bytes of joinWindows(chunks, localizer)) yield localizer.scan(bytes)
  if (localizer.hasChanged) onChange?.()
  yield localizer.finish()
}

class PrimaryLocalizer {
  readonly #frame = new DocumentFrame(DOING, 'metadata')
  #rest: Buffer = Buffer.alloc(0)
  #edits: TextEdit[] = []
  #hasChanged = false

  /** Whether anything had to be rewritten. */
  get hasChanged(): boolean {
    return this.#hasChanged
  }

  /** Bytes that wait for the rest of their element. */
  get pendingBytes(): number {
    return this.#rest.length
  }

  /** Reads on; gives what became complete. */
  scan(bytes: Buffer): Buffer {
    const block = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const text = block.toString('latin1')
    const done = this.#frame.read(text, (start) => this.#readChild(text, start))
    this.#rest = block.subarray(done)
    if (this.#rest.length > MAX_ELEMENT_BYTES) {
      const beginning = quote(this.#rest.toString('latin1', 0, 80))
      throw malformed(DOING, `an element larger than ${MAX_ELEMENT_BYTES} bytes: ${beginning}`)
    }
    const edits = this.#edits
    this.#edits = []
    this.#hasChanged ||= edits.length > 0
    return applyEdits(block.subarray(0, done), edits)
  }

  /** What is left at the document's end. */
  finish(): Buffer {
    this.#frame.finish(this.#rest.toString('latin1'))
    return this.#rest
  }

  /** A child of the root, or the root's end tag; returns its end. */
  #readChild(text: string, start: number): number | undefined {
    const markup = readMarkup(text, start, DOING)
    if (markup === undefined) return undefined
    if (markup.kind === 'end') this.#frame.readEnd(text, start, markup)
    if (markup.kind !== 'start' && markup.kind !== 'empty') return markup.end
    const locations: Markup[] = []
    const open = (depth: number, name: string, _: string, tag: Markup) => {
      if (depth === 1 && localName(name) === 'location') locations.push(tag)
    }
    const end = walkElement(text, start, { open, text: () => {} }, DOING)
    // All of them: readers differ in which of several they take.
    if (end !== undefined && localName(markup.name) === 'package')
      for (const tag of locations)
        this.#edits.push(...localizeLocation(text, tag, this.#frame.encoding, DOING))
    return end
  }
}
