import { PinyonError } from '../model/errors.ts'
import { isMapping } from '../model/is-mapping.ts'
import { hasScheme, isPackageUrl, resolveReference } from './index-reference.ts'
import { parseIndexText, type IndexForm } from './index-text.ts'
import type { InsertedMirror } from './mirror-map.ts'

/** What one document of an index says. All URLs in it are absolute. */
export interface IndexDocument {
  readonly mirrors: ReadonlyMap<string, string>
  /** By the section that they go before. */
  readonly before: ReadonlyMap<string, readonly InsertedMirror[]>
  /** Documents to merge. */
  readonly include: readonly string[]
  /** Documents whose repositories go before those of this prefix. */
  readonly includeBefore: readonly { readonly prefix: string; readonly reference: string }[]
}

/** How a document is read. */
export interface IndexDocumentOptions {
  readonly form: IndexForm
  /** Its own URL; without one relative URLs are refused, and relative includes stay paths. */
  readonly base?: string
  /** Whether the map has to stand below {@link INDEX_KEY}, as servers write it; else that is optional. */
  readonly wrapped: boolean
}

/** The one key of an index whose value is the map. */
const INDEX_KEY = 'latest_ci_repos'

/** Mirrors, insertions and includes of a document: a hundred times a large farm's. */
const ENTRIES_MAX = 20_000
const INCLUDES_MAX = 100

/** Ids that can stand between brackets; yum and dnf take fewer. */
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const ID = /^[^\s\u0000-\u001f\u007f[\]#;][^\u0000-\u001f\u007f[\]\u2028\u2029]{0,254}$/

/**
 * Reads one document of an index, in the layout of `all_latest.*` or as a flat map, with the directives `before:<section>`, `include:` and
 * `include:before:`.
 * @param bytes of whatever origin
 * @throws PinyonError INDEX_UNREADABLE for what is not of its form, INDEX_INVALID for what means nothing, naming the key
 */
export function parseIndexDocument(bytes: Uint8Array, options: IndexDocumentOptions): IndexDocument {
  const map = unwrap(parseIndexText(bytes, options.form), options)
  const entries = Object.entries(map)
  const reader = new DocumentReader(options.base)
  for (const [key, value] of entries) reader.read(key, value)
  return reader
}

function unwrap(content: unknown, { wrapped, form }: IndexDocumentOptions): object {
  if (!isMapping(content)) throw invalid('an object', content)
  const inner = Object.hasOwn(content, INDEX_KEY) ? content[INDEX_KEY] : undefined
  if (isMapping(inner)) return inner
  // The first servers wrote no map at all where there was no mirror.
  if (inner === null && form !== 'json') return {}
  if (inner !== undefined && (wrapped || typeof inner !== 'string'))
    throw invalid('an object', inner, INDEX_KEY)
  if (wrapped) throw invalid(`the key ${INDEX_KEY}`, Object.keys(content))
  return content
}

class DocumentReader implements IndexDocument {
  readonly mirrors = new Map<string, string>()
  readonly before = new Map<string, readonly InsertedMirror[]>()
  readonly include: string[] = []
  readonly includeBefore: { readonly prefix: string; readonly reference: string }[] = []
  readonly #base: string | undefined
  #entries = 0

  constructor(base: string | undefined) {
    this.#base = base
  }

  read(key: string, value: unknown): void {
    if (key === 'include:')
      for (const item of this.#list(key, value)) this.include.push(this.#reference(key, item))
    else if (key === 'include:before:')
      for (const [prefix, item] of this.#pairs(key, value))
        this.includeBefore.push({ prefix, reference: this.#reference(key, item) })
    else if (/^before:./s.test(key))
      this.before.set(key.slice('before:'.length), this.#insertions(key, value))
    else if (key.includes(':')) throw invalid('before:<section>, include: or include:before:', key)
    else this.mirrors.set(this.#id(key, key), this.#url(key, value))
    this.#count(key)
    if (this.include.length + this.includeBefore.length > INCLUDES_MAX)
      throw invalid(`at most ${INCLUDES_MAX} documents`, 'more', key)
  }

  #insertions(key: string, value: unknown): readonly InsertedMirror[] {
    return this.#pairs(key, value).map(([id, url]) => {
      if (id === 'main' || id.includes(':')) throw invalid('a repository id', id, key)
      return { id: this.#id(key, id), url: this.#url(key, url) }
    })
  }

  #pairs(key: string, value: unknown): readonly (readonly [string, unknown])[] {
    return this.#list(key, value).map((pair) => {
      const [name, item] = Array.isArray(pair) && pair.length === 2 ? (pair as unknown[]) : []
      if (typeof name !== 'string' || name === '') throw invalid('a list of pairs [name, URL]', pair, key)
      return [name, item]
    })
  }

  #list(key: string, value: unknown): readonly unknown[] {
    if (!Array.isArray(value)) throw invalid('a list', value, key)
    for (let index = 0; index < value.length; index += 1) this.#count(key)
    return value
  }

  #id(key: string, id: string): string {
    if (!ID.test(id)) throw invalid('a repository id of at most 255 characters', id, key)
    return id
  }

  #url(key: string, value: unknown): string {
    if (typeof value !== 'string' || value === '') throw invalid('a URL', value, key)
    const url = this.#base === undefined ? value : resolveReference(this.#base, value)
    if (!isPackageUrl(url)) throw invalid('an http, https, ftp or file URL', value, key)
    return url
  }

  #reference(key: string, value: unknown): string {
    // oxlint-disable-next-line no-control-regex -- finding control characters is the point
    if (typeof value !== 'string' || value === '' || /[\u0000-\u001f]/.test(value))
      throw invalid('URLs or paths of documents', value, key)
    return this.#base === undefined || hasScheme(value) ? value : resolveReference(this.#base, value)
  }

  #count(key: string): void {
    this.#entries += 1
    if (this.#entries > ENTRIES_MAX) throw invalid(`at most ${ENTRIES_MAX} entries`, 'more', key)
  }
}

/** Of what was found, the first characters. */
const SHOWN = 80

function invalid(expected: string, found: unknown, key?: string): PinyonError {
  const written = found === undefined ? 'nothing' : JSON.stringify(found)
  const text = written.replace(/\/\/[^/\s"]{0,200}@/g, '//***@')
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
  const place = key === undefined ? '' : `${key.slice(0, SHOWN)}: `
  return new PinyonError('INDEX_INVALID', `${place}expected ${expected}, found: ${shown}`)
}
