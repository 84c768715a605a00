import { PinyonError } from '../model/errors.ts'
import { parseIndexDocument, type IndexDocument } from './index-document.ts'
import { decodeDataUrl, hasScheme, resolveReference } from './index-reference.ts'
import { indexFormOf } from './index-text.ts'
import type { InsertedMirror, MirrorMap } from './mirror-map.ts'

/** Gets a document's bytes and has them read; what `read` throws may be transient as well. The URL is http, https or file. */
export type LoadIndex = <T>(url: string, read: (bytes: Uint8Array) => T) => Promise<T>

/** Documents of an index in all, and of one that includes another that includes another. */
const DOCUMENTS_MAX = 50
const DEPTH_MAX = 8
/** Mirrors and insertions of all of them together. */
const ENTRIES_MAX = 200_000

/** Mirrors and insertions under construction. */
interface Merged {
  readonly mirrors: Map<string, string>
  readonly before: Map<string, InsertedMirror[]>
}

/**
 * Reads an index and all that it includes: what a document says itself goes before what it includes, and insertions add up.
 *
 * @param reference an http, https, file or data URL, or a path
 * @param directory a file URL with a slash at the end, for paths
 * @throws PinyonError what `load` throws, INDEX_INVALID for cycles, excess and what cannot be included
 */
export async function resolveIndex(
  reference: string,
  directory: string,
  load: LoadIndex,
): Promise<MirrorMap> {
  const resolution = new Resolution(directory, load)
  const { mirrors, before } = await resolution.read(reference, [])
  const inserted = [...before].map(([id, insertions]) => [id, lastOfEach(insertions)] as const)
  return { mirrors, before: new Map(inserted) }
}

class Resolution {
  readonly #directory: string
  readonly #load: LoadIndex
  /** Those read to their end, which may be included again. */
  readonly #read = new Map<string, Merged>()
  #documents = 0
  #entries = 0

  constructor(directory: string, load: LoadIndex) {
    this.#directory = directory
    this.#load = load
  }

  /** @param chain the URLs of the documents that led here */
  async read(reference: string, chain: readonly string[]): Promise<Merged> {
    const url = this.#absolute(reference)
    const known = this.#read.get(url)
    if (known !== undefined) return known
    try {
      this.#refuse(url, chain)
      const document = await this.#open(url)
      const merged = await this.#merge(document, [...chain, url])
      this.#read.set(url, merged)
      return merged
    } catch (error) {
      throw nameIncluder(error, chain.at(-1))
    }
  }

  #absolute(reference: string): string {
    return hasScheme(reference) ? reference : resolveReference(this.#directory, escapePath(reference))
  }

  #refuse(url: string, chain: readonly string[]): void {
    this.#documents += 1
    const name = nameOf(url)
    if (chain.includes(url)) throw invalid(`${name} includes itself`, chain.map(nameOf).join(' > '))
    if (chain.length >= DEPTH_MAX) throw invalid(`${name} is included too deep, after`, String(DEPTH_MAX))
    if (this.#documents > DOCUMENTS_MAX)
      throw invalid('an index of more documents than', String(DOCUMENTS_MAX))
    const [, scheme = ''] = /^([^:]*):/.exec(url.toLowerCase()) ?? []
    if (!['http', 'https', 'file', 'data'].includes(scheme))
      throw invalid('expected an http, https, file or data URL, or a path', name)
    // Who serves an index must not learn, by what fails, what is on the machines that read it.
    if (scheme === 'file' && chain.some((outer) => /^https?:/i.test(outer)))
      throw invalid('a document from the network must not include a file', name)
  }

  async #open(url: string): Promise<IndexDocument> {
    if (/^data:/i.test(url)) {
      const bytes = decodeDataUrl(url)
      if (bytes === undefined) throw invalid('expected data:application/json,… or …;base64,…', nameOf(url))
      return parseIndexDocument(bytes, { form: 'json', wrapped: false })
    }
    const wrapped = /^https?:/i.test(url)
    const form = indexFormOf(url.replace(/[?#].*$/s, ''))
    // Files of any name were YAML to oVirt's tools, servers' answers JSON.
    const usual = wrapped ? 'json' : 'auto'
    const options = { base: url, wrapped, form: form === 'yaml' || form === 'py' ? form : usual } as const
    return await this.#load(url, (bytes) => parseIndexDocument(bytes, options))
  }

  async #merge(document: IndexDocument, chain: readonly string[]): Promise<Merged> {
    const merged: Merged = {
      mirrors: new Map(document.mirrors),
      before: new Map(Array.from(document.before, ([id, insertions]) => [id, [...insertions]])),
    }
    for (const reference of document.include) this.#add(merged, await this.read(reference, chain))
    for (const { prefix, reference } of document.includeBefore)
      this.#add(merged, toInsertions(await this.read(reference, chain), prefix))
    return merged
  }

  #add(merged: Merged, included: Merged): void {
    for (const [id, url] of included.mirrors) {
      this.#count()
      if (!merged.mirrors.has(id)) merged.mirrors.set(id, url)
    }
    for (const [id, insertions] of included.before) {
      const known = merged.before.get(id) ?? []
      for (const insertion of insertions) {
        this.#count()
        known.push(insertion)
      }
      merged.before.set(id, known)
    }
  }

  #count(): void {
    this.#entries += 1
    if (this.#entries > ENTRIES_MAX) throw invalid('an index of more entries than', String(ENTRIES_MAX))
  }
}

/** `include:before:`: each mirror `X-<distro>` becomes an insertion before `<prefix>-<distro>`, in the order of their names. */
function toInsertions({ mirrors, before }: Merged, prefix: string): Merged {
  const insertions = new Map(Array.from(before, ([id, list]) => [id, [...list]]))
  const sorted = [...mirrors].toSorted(([a], [b]) => (a < b ? -1 : 1))
  for (const [id, url] of sorted) {
    if (id === 'main') continue
    const target = `${prefix}-${id.slice(id.lastIndexOf('-') + 1)}`
    const known = insertions.get(target)
    if (known === undefined) insertions.set(target, [{ id, url }])
    else known.push({ id, url })
  }
  return { mirrors: new Map(), before: insertions }
}

/** Of insertions of one id the last URL, at the place of the first: the same document may have come by two ways. */
function lastOfEach(insertions: readonly InsertedMirror[]): readonly InsertedMirror[] {
  const urls = new Map(insertions.map(({ id, url }) => [id, url]))
  return Array.from(urls, ([id, url]) => ({ id, url }))
}

/** A path may hold what ends a URL's path. */
function escapePath(path: string): string {
  return path.replace(/[%?#]/g, encodeURIComponent)
}

/** A URL for messages: what a data URL holds is too long, and user and password are nobody's business. */
function nameOf(url: string): string {
  return /^data:/i.test(url) ? 'a data URL' : url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, '$1')
}

function invalid(what: string, found: string): PinyonError {
  return new PinyonError('INDEX_INVALID', `${what}: ${found}`)
}

function nameIncluder(error: unknown, includer: string | undefined): unknown {
  if (!(error instanceof PinyonError) || includer === undefined) return error
  const { message, code, facts } = error
  return new PinyonError(code, `${message} (included by ${nameOf(includer)})`, { ...facts, cause: error })
}
