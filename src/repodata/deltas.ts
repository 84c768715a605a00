import { createDigest } from '../model/digest.ts'
import { normalizeHref } from '../model/href.ts'
import type { ExtraFile } from '../model/repodata.ts'
import { malformed } from './malformed.ts'
import { parseSize } from './package-record.ts'
import { documentStart } from './xml-encoding.ts'
import { decodeAttribute, decodeCdata, decodeText, trimSpace } from './xml-text.ts'
import { type ElementVisitor, localName, parseAttributes, readMarkup, walkElement } from './xml-walk.ts'

const DOING = 'reading delta rpms'

/** Fedora's had some ten thousand of them. */
const MAX_DELTAS = 50_000

/** Collects the files of `<newpackage><delta><filename>`, with `size` and `checksum` beside it, each of which may come first. */
class DeltaVisitor implements ElementVisitor {
  readonly files: ExtraFile[] = []
  #texts = new Map<string, string>()
  #current = ''
  #algorithm = ''

  open(depth: number, name: string, attributes: string): void {
    const local = localName(name)
    if (depth === 2) this.finish()
    this.#current = depth === 3 ? local : ''
    if (this.#current !== 'checksum') return
    const type = parseAttributes(attributes, DOING).get('type') ?? ''
    this.#algorithm = decodeAttribute(type, 'utf-8', DOING)
  }

  text(depth: number, raw: string, cdata: boolean): void {
    if (depth !== 3 || this.#current === '') return
    const text = (cdata ? decodeCdata : decodeText)(raw, 'utf-8', DOING)
    this.#texts.set(this.#current, (this.#texts.get(this.#current) ?? '') + text)
  }

  /** Takes what was read of one delta; one that lies elsewhere or has no usable checksum is left out. */
  finish(): void {
    const [name, hex, bytes] = ['filename', 'checksum', 'size'].map((one) =>
      trimSpace(this.#texts.get(one) ?? ''),
    )
    const path = normalizeHref(name ?? '')
    const digest = createDigest(this.#algorithm, hex ?? '')
    const size = parseSize(bytes)
    this.#texts = new Map()
    if (path === undefined || digest === undefined) return
    if (this.files.length === MAX_DELTAS) throw malformed(DOING, `more than ${MAX_DELTAS}`)
    this.files.push(size === undefined ? { path, digest } : { path, digest, size })
  }
}

/**
 * The delta rpms that a prestodelta.xml, or SUSE's deltainfo.xml, lists. Throws REPODATA_MALFORMED for what is no XML, or ends too early.
 * @param bytes the whole document
 */
export function parseDeltas(bytes: Buffer): readonly ExtraFile[] {
  const text = bytes.toString('latin1')
  const visitor = new DeltaVisitor()
  const root = findRoot(text)
  const end = root === undefined ? undefined : walkElement(text, root, visitor, DOING)
  if (end === undefined) throw malformed(DOING, 'truncated, or no XML')
  visitor.finish()
  return visitor.files
}

/** Where the root element begins; declarations of a document's type are refused. */
function findRoot(text: string): number | undefined {
  for (let at = text.indexOf('<', documentStart(text)); at >= 0;) {
    const markup = readMarkup(text, at, DOING)
    if (markup === undefined || markup.kind === 'start' || markup.kind === 'empty') return markup?.start
    at = text.indexOf('<', markup.end)
  }
  return undefined
}
