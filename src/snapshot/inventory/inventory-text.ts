import { hash } from 'node:crypto'

import type Database from 'better-sqlite3'

import {
  FORMAT,
  type GenerationLine,
  type InventoryHead,
  type MirrorLine,
  type Row,
  type SnapshotLine,
} from './inventory-format.ts'
import { sealLine } from './sealed-lines.ts'
import type { InventoryStatements } from './sql-inventory.ts'

/** What is of the configuration, or only of this one database. */
const NOT_OF_A_MIRROR = ['id', 'listed', 'pin_id', 'pin_why', 'unswept']
const NOT_OF_A_SNAPSHOT = ['id', 'mirror_id']

/** The head that says which database an inventory is of. */
export function readHead(statements: InventoryStatements): InventoryHead {
  const { seed } = statements.seed.get() as { seed: string }
  return { format: FORMAT, database: hash('sha256', `inventory of ${seed}`).slice(0, 16) }
}

/** The lines of a mirror, as of one moment. */
export function writeMirrorText(
  database: Database.Database,
  statements: InventoryStatements,
  name: string,
): string {
  return database.transaction(() => {
    const row = statements.mirror.get({ name }) as Row & { id: number; name: string }
    const mirrorId = row.id
    const belongings = [...statements.belongings].map(([table, statement]) => {
      const rows = statement.all({ mirrorId }) as Row[]
      return [table, Map.groupBy(rows, (one) => one['snapshot_id'])] as const
    })
    const head: MirrorLine = { mirror: without(row, NOT_OF_A_MIRROR) as MirrorLine['mirror'] }
    const snapshots = statements.snapshots.all({ mirrorId }) as SnapshotLine['snapshot'][]
    const lines = snapshots.map((snapshot): SnapshotLine => {
      const own = belongings.map(([table, rows]) => [table, rows.get(snapshot['id'] ?? null) ?? []] as const)
      return {
        snapshot: without(snapshot, NOT_OF_A_SNAPSHOT) as SnapshotLine['snapshot'],
        belongings: Object.fromEntries(
          own.flatMap(([table, rows]) =>
            rows.length === 0 ? [] : [[table, rows.map((one) => without(one, ['snapshot_id']))]],
          ),
        ),
      }
    })
    return [head, ...lines].map(sealLine).join('')
  })()
}

/** The lines of generations after one. */
export function writeGenerationsText(statements: InventoryStatements, after: number): string {
  const generations = statements.generations.all({ after }) as Omit<GenerationLine, 'changes'>[]
  const changed = [...statements.opened.all({ after }), ...statements.ended.all({ after })] as Change[]
  const changes = Map.groupBy(changed, ({ number }) => number)
  return generations
    .map((generation): GenerationLine => {
      const own = (changes.get(generation.number) ?? []).toSorted((a, b) => (a.mirror < b.mirror ? -1 : 1))
      return { ...generation, changes: own.map(({ mirror, snapshot }) => [mirror, snapshot]) }
    })
    .map(sealLine)
    .join('')
}

interface Change {
  readonly number: number
  readonly mirror: string
  readonly snapshot: string | null
}

function without(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))
}
