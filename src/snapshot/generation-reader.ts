import Database from 'better-sqlite3'

import { prepareGeneration } from './sql.ts'

/** Reads the number of the newest generation, and nothing else, of a database that another process looks after. */
export class GenerationReader {
  readonly #database: Database.Database
  readonly #newest: Database.Statement

  /** @throws an error of SQLite's when it cannot be opened */
  constructor(file: string) {
    this.#database = new Database(file, { readonly: true, fileMustExist: true })
    this.#newest = prepareGeneration(this.#database)
  }

  /** The number, 0 before the first. @throws an error of SQLite's when it cannot be read */
  newest(): number {
    return (this.#newest.get() as { number: number } | undefined)?.number ?? 0
  }

  close(): void {
    this.#database.close()
  }
}
