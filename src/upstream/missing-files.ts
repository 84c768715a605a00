import { LRUCache } from 'lru-cache'

/** Files of which is known that some source has not got them, and such sources of one file: what is forgotten costs a request. */
const MAX_FILES = 20_000

/** Which source has which file not, or not with the listed bytes, as long as upstream shows one generation. */
export class MissingFiles {
  readonly #sources = new LRUCache<string, Set<string>>({
    // Not `max`, for which room is set aside at once: there is one of these a mirror.
    maxSize: MAX_FILES,
    sizeCalculation: () => 1,
  })
  #generation: string | undefined

  /** Another generation begins: what mirrors had not got of the last one they may have by now. */
  begin(generation: string): void {
    if (generation !== this.#generation) this.#sources.clear()
    this.#generation = generation
  }

  note(file: string, baseurl: string): void {
    const known = this.#sources.get(file)
    if (known === undefined) this.#sources.set(file, new Set([baseurl]))
    else known.add(baseurl)
  }

  has(file: string, baseurl: string): boolean {
    return this.#sources.get(file)?.has(baseurl) === true
  }
}
