import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** What several scenarios need, and what takes long to make: each is made once a run, and only read afterwards. */
export class Fixtures {
  readonly #dir: string
  readonly #made = new Map<string, Promise<string>>()

  /** @param dir an empty directory, which the caller removes */
  constructor(dir: string) {
    this.#dir = dir
  }

  /** The directory of a fixture, which `make` fills the first time. */
  get(name: string, make: (dir: string) => Promise<void>): Promise<string> {
    const known = this.#made.get(name)
    if (known !== undefined) return known
    const dir = join(this.#dir, name)
    mkdirSync(dir, { recursive: true })
    const made = make(dir).then(() => dir)
    this.#made.set(name, made)
    return made
  }
}
