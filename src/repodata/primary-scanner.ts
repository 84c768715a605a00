import type { PackageRecord } from '../model/repodata.ts'
import { CanonicalReader } from './canonical-package.ts'
import { DocumentFrame } from './document-frame.ts'
import { malformed, quote } from './malformed.ts'
import { readPackageElement } from './package-element.ts'
import { createPackageRecord, DOING, type PackageFields, parseSize } from './package-record.ts'
import { WINDOW_BYTES } from './windows.ts'
import { attributesOf, localName, type Markup, parseAttributes, readMarkup, walkElement } from './xml-walk.ts'

/** No element of a real repository comes near: the largest package of CentOS Stream 9 has 290 kB. */
export const MAX_ELEMENT_BYTES = 16 * 1024 * 1024

/** Longer packages are walked even when they begin as if they were canonical: perhaps they end otherwise. */
const MAX_CANONICAL_BYTES = 1024 * 1024

/** What a stretch of primary.xml held. */
export interface PrimaryBatch {
  readonly packages: PackageRecord[]
  /** Locations that no path below a snapshot can stand for, as written. */
  readonly unreachable: string[]
  /** The root's `packages` attribute: how many the document says it holds. The same in every batch; it may be wrong. */
  readonly statedCount: number | undefined
}

/**
 * Reads a primary.xml that comes in pieces, cut anywhere. What is not yet complete at a piece's end waits for the next.
 * Packages are recognised by local names, whatever prefix or namespace their repository gives them, and only as children of
 * the root. What a record does not need is checked no further than finding each element's end takes: whether the bytes are the
 * repository's is for checksums to say.
 */
export class PrimaryScanner {
  readonly #frame = new DocumentFrame(DOING, 'metadata')
  #statedCount: number | undefined
  #rest: Buffer = Buffer.alloc(0)
  #packages: PackageRecord[] = []
  #unreachable: string[] = []

  /** Bytes that wait for the rest of their element. Giving fewer than these again makes the scan's time grow quadratically. */
  get pendingBytes(): number {
    return this.#rest.length
  }

  /** Reads on. Throws REPODATA_MALFORMED as soon as what was read cannot be the beginning of a primary.xml. */
  scan(bytes: Buffer): PrimaryBatch {
    // Beginning with as much again as was not enough, an element that comes in many pieces is read a few times at most.
    const firstWindow = Math.max(WINDOW_BYTES, 2 * this.#rest.length)
    const block = this.#joinRest(bytes)
    this.#rest = block.subarray(this.#readWindows(block, firstWindow))
    if (this.#rest.length > MAX_ELEMENT_BYTES) {
      const beginning = quote(this.#rest.toString('latin1', 0, 80))
      throw malformed(DOING, `an element larger than ${MAX_ELEMENT_BYTES} bytes: ${beginning}`)
    }
    return this.#takeBatch()
  }

  /** What waited, and then the bytes. Most often the first of them complete it: then the others need not be copied. */
  #joinRest(bytes: Buffer): Buffer {
    const rest = this.#rest
    if (rest.length === 0) return bytes
    if (rest.length > WINDOW_BYTES) return Buffer.concat([rest, bytes])
    const done = this.#read(Buffer.concat([rest, bytes.subarray(0, WINDOW_BYTES)]), { isPatient: true })
    return done < rest.length
      ? Buffer.concat([rest.subarray(done), bytes])
      : bytes.subarray(done - rest.length)
  }

  /** Reads what is left at the document's end. Throws REPODATA_MALFORMED when it is not the end: the file was cut short. */
  finish(): PrimaryBatch {
    const done = this.#read(this.#rest, { isPatient: false })
    this.#frame.finish(this.#rest.toString('latin1', done))
    return this.#takeBatch()
  }

  #takeBatch(): PrimaryBatch {
    const batch = { packages: this.#packages, unreachable: this.#unreachable, statedCount: this.#statedCount }
    this.#packages = []
    this.#unreachable = []
    return batch
  }

  /** Reads all of a block that is complete, window by window; returns the position up to which it is done with. */
  #readWindows(block: Buffer, firstWindow: number): number {
    let at = 0
    for (let size = firstWindow; at < block.length;) {
      const done = this.#read(block.subarray(at, at + size), { isPatient: size <= MAX_CANONICAL_BYTES })
      if (done === 0 && at + size >= block.length) break
      at += done
      size = done === 0 ? 2 * size : WINDOW_BYTES
    }
    return at
  }

  /**
   * Reads all of a window that is complete; returns the position up to which it is done with.
   * @param isPatient whether to wait for the rest of a package that is canonical so far, which spares walking it in vain
   */
  #read(bytes: Buffer, { isPatient }: { isPatient: boolean }): number {
    const text = bytes.toString('latin1')
    const frame = this.#frame
    let at = frame.begin(text)
    if (at < 0) return 0
    const canonical = new CanonicalReader(bytes, text, frame.encoding)
    for (;;) {
      const start = text.indexOf('<', at)
      if (frame.place !== 'content') frame.refuseText(text.slice(at, start < 0 ? text.length : start))
      if (start < 0) return text.length
      const end =
        frame.place === 'content'
          ? this.#readChild(text, start, canonical, isPatient)
          : frame.readOutside(text, start, (root) => this.#openRoot(text, root))
      if (end === undefined) return start
      at = end
    }
  }

  #openRoot(text: string, root: Markup): void {
    this.#statedCount = parseSize(parseAttributes(attributesOf(text, root), DOING).get('packages'))
  }

  /** A child of the root, or the root's end tag; returns its end. */
  #readChild(
    text: string,
    start: number,
    canonical: CanonicalReader,
    isPatient: boolean,
  ): number | undefined {
    const fields = canonical.read(start)
    if (fields !== undefined) {
      this.#add(fields)
      return canonical.end
    }
    if (canonical.isCutShort && isPatient) return undefined
    const markup = readMarkup(text, start, DOING)
    if (markup === undefined) return undefined
    if (markup.kind === 'end') this.#frame.readEnd(text, start, markup)
    if (markup.kind !== 'start' && markup.kind !== 'empty') return markup.end
    if (localName(markup.name) !== 'package') return walkElement(text, start, undefined, DOING)
    const element = readPackageElement(text, start, this.#frame.encoding)
    if (element !== undefined) this.#add(element.fields)
    return element?.end
  }

  #add(fields: PackageFields): void {
    const record = createPackageRecord(fields)
    if (record !== undefined) this.#packages.push(record)
    else this.#unreachable.push(fields.href ?? '')
  }
}
