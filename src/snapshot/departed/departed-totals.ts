import type Database from 'better-sqlite3'

import { prepareAll, type Prepared } from '../sql.ts'
import { toArches } from '../rows.ts'
import { DEPARTED_TOTALS } from './sql-departed.ts'

/** How many packages of a mirror are in one state. */
export interface DepartedTotal {
  readonly mirrorId: number
  readonly state: number
  readonly count: number
  readonly bytes: number
}

/** The architectures of a snapshot as it stores them; null for a single repository's. */
export interface ArchRow {
  readonly arches: string | null
}

/** The same as JSON; none for a single repository. */
export function listArches({ arches }: ArchRow): string {
  return JSON.stringify(toArches(arches) ?? [])
}

/**
 * How many packages left upstream, by mirror and state, from sums that triggers keep. Those have a package of several architectures once for
 * each, so that the packages of such mirrors are counted here, whenever their sums, or the newest snapshot, have changed.
 */
export class DepartedTotals {
  readonly #statements: Prepared<typeof DEPARTED_TOTALS>
  readonly #counted = new Map<number, { readonly sums: string; readonly totals: readonly DepartedTotal[] }>()

  constructor(database: Database.Database) {
    this.#statements = prepareAll(database, DEPARTED_TOTALS)
  }

  /** Of mirrors whose number lies behind this one, up to that one. */
  read(after = 0, last = Number.MAX_SAFE_INTEGER): readonly DepartedTotal[] {
    const rows = this.#statements.totals.all({ after, last }) as (DepartedTotal & ArchRow)[]
    const byMirror = Map.groupBy(rows, ({ mirrorId }) => mirrorId)
    return [...byMirror].flatMap(([mirrorId, own]) =>
      typeof own[0]?.arches === 'string' ? this.#countDistinct(mirrorId, JSON.stringify(own), own[0]) : own,
    )
  }

  #countDistinct(mirrorId: number, sums: string, newest: ArchRow): readonly DepartedTotal[] {
    const known = this.#counted.get(mirrorId)
    if (known?.sums === sums) return known.totals
    const totals = this.#statements.distinctTotals.all({
      mirrorId,
      arches: listArches(newest),
    }) as DepartedTotal[]
    this.#counted.set(mirrorId, { sums, totals })
    return totals
  }
}
