import type { GenerationReader } from '../../snapshot/generation-reader.ts'

/** The number of the index's generation: all that a worker reads of the database, from when something is asked for that depends on it. */
export class Generations {
  readonly #file: string
  #reader: GenerationReader | undefined

  constructor(file: string) {
    this.#file = file
  }

  /** The newest one; undefined before {@link open}. @throws an error of SQLite's when it cannot be read */
  newest(): number | undefined {
    return this.#reader?.newest()
  }

  /** Begins to read it. SQLite is 7 MB of memory for a worker. @throws an error of SQLite's when it cannot be opened */
  async open(): Promise<void> {
    if (this.#reader !== undefined) return
    const { GenerationReader: Reader } = await import('../../snapshot/generation-reader.ts')
    this.#reader ??= new Reader(this.#file)
  }
}
