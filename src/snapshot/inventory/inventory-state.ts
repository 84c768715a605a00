import type Database from 'better-sqlite3'

import { prepareInventory, type InventoryStatements } from './sql-inventory.ts'

/** What tells whether the inventory is what the database says. */
export interface InventoryState {
  readonly generation: number
  /** By mirror: texts to be compared. */
  readonly mirrors: ReadonlyMap<string, string>
  readonly views: string
}

/** Which parts of the inventory are to be brought up to date. */
export interface StaleParts {
  /** Undefined: all of it, and what is there is read and compared. */
  readonly mirrors: readonly string[] | undefined
  readonly generations: boolean
  readonly views: boolean
}

/** All of it. */
export const EVERYTHING: StaleParts = { mirrors: undefined, generations: true, views: true }

/** Looks, in well below a millisecond, whether the database says anything new, on a connection of its own. */
export class InventoryWatch {
  readonly #database: Database.Database
  readonly #statements: InventoryStatements
  #version: unknown
  #state: InventoryState | undefined

  /** @param database must not be written through: what it commits itself it would not see */
  constructor(database: Database.Database) {
    this.#database = database
    this.#statements = prepareInventory(database)
  }

  /** The state as it is now; the same object while nobody has committed anything. */
  look(): InventoryState {
    const version = this.#database.pragma('data_version', { simple: true })
    if (this.#state !== undefined && version === this.#version) return this.#state
    const state = this.#database.transaction(() => readState(this.#statements))()
    this.#version = version
    return (this.#state = state)
  }

  close(): void {
    this.#database.close()
  }
}

function readState(statements: InventoryStatements): InventoryState {
  const mirrors = statements.mirrorStates.all() as { name: string; state: string }[]
  return {
    generation: (statements.lastGeneration.get() as { number: number }).number,
    mirrors: new Map(mirrors.map(({ name, state }) => [name, state])),
    views: (statements.viewState.get() as { state: string }).state,
  }
}

/** What of an inventory that was written at one state is to be written at another; undefined when nothing is. */
export function compareStates(
  written: InventoryState | undefined,
  now: InventoryState,
): StaleParts | undefined {
  if (written === now) return undefined
  if (written === undefined) return EVERYTHING
  const changed = [...now.mirrors].filter(([name, state]) => written.mirrors.get(name) !== state)
  const mirrors = changed.map(([name]) => name)
  const parts = {
    mirrors,
    generations: written.generation !== now.generation,
    views: written.views !== now.views,
  }
  return mirrors.length > 0 || parts.generations || parts.views ? parts : undefined
}
