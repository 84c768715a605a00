import type Database from 'better-sqlite3'

import { toSnapshots } from './rows.ts'
import { prepareHistory, type HistoryStatements } from './sql-history.ts'
import { createIndex } from './index-order.ts'
import type { Generation, GenerationQuery, Index, SnapshotHistory } from './store.ts'

/** Generations given at once, unless asked otherwise. */
const DEFAULT_LIMIT = 50

/** The past of the index, read from the spans that changes left. */
export class SqliteHistory implements SnapshotHistory {
  readonly #database: Database.Database
  readonly #statements: HistoryStatements

  constructor(database: Database.Database) {
    this.#database = database
    this.#statements = prepareHistory(database)
  }

  async indexAt(generation: number): Promise<Index | undefined> {
    const read = this.#database.transaction(() => {
      const row = this.#statements.generation.get({ generation }) as GenerationRow | undefined
      if (row === undefined) return undefined
      return createIndex(row, toSnapshots(this.#statements.snapshotsAtGeneration.all({ generation })))
    })
    return read()
  }

  async generationAt(atMs: number): Promise<number | undefined> {
    return (this.#statements.generationAt.get({ atMs }) as { number: number } | undefined)?.number
  }

  async generations(query: GenerationQuery = {}): Promise<readonly Generation[]> {
    const { mirror, before = Number.MAX_SAFE_INTEGER, limit = DEFAULT_LIMIT } = query
    const { generationsBefore, generationsOfMirror } = this.#statements
    const read = this.#database.transaction(() => {
      const rows = (
        mirror === undefined
          ? generationsBefore.all({ before, limit })
          : generationsOfMirror.all({ mirror, before, limit })
      ) as GenerationRow[]
      return rows.map(({ why, ...row }) => ({
        ...row,
        ...(why === null ? {} : { why }),
        changes: this.#changes(row.number),
      }))
    })
    return read()
  }

  #changes(generation: number): Generation['changes'] {
    const from = this.#statements.changesFrom.all({ generation }) as Change[]
    const to = this.#statements.changesTo.all({ generation }) as Change[]
    const mirrors = [...new Set([...from, ...to].map(({ mirror }) => mirror))].toSorted()
    const find = (changes: Change[], name: string) => changes.find(({ mirror }) => mirror === name)?.snapshot
    return mirrors.map((mirror) => ({ mirror, from: find(from, mirror), to: find(to, mirror) }))
  }
}

interface GenerationRow {
  readonly number: number
  readonly createdAt: number
  readonly cause: Generation['cause']
  readonly actor: string
  readonly why: string | null
}

interface Change {
  readonly mirror: string
  readonly snapshot: string
}
