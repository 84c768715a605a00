/** A row of a table, by its columns. */
export type Row = Readonly<Record<string, string | number | null>>

/** The format of the inventory's files. */
export const FORMAT = 1

/** The first line of the generations. */
export interface InventoryHead {
  readonly format: number
  /** Names the database that this is of. */
  readonly database: string
}

/** A generation, and for each mirror whose place in the index it changed: the snapshot, or null where it left the index. */
export interface GenerationLine {
  readonly number: number
  readonly created_at: number
  readonly cause: string
  readonly actor: string
  /** Absent in lines from before it was noted. */
  readonly why?: string | null
  readonly changes: readonly (readonly [string, string | null])[]
}

/** A snapshot: its row, and the rows of other tables that belong to it. Of a retired one there are none. */
export interface SnapshotLine {
  readonly snapshot: Row & {
    readonly seq: number
    readonly name: string
    readonly created_at: number
    readonly retired_at: number | null
  }
  readonly belongings: Readonly<Record<string, readonly Row[]>>
}

/** The first line of a mirror's file. */
export interface MirrorLine {
  readonly mirror: Row & { readonly name: string }
}

/** A line of the views: the clock as it was noted, a view as it became, or one that is no more. */
export type ViewLine = { readonly clock: Row } | { readonly view: Row } | { readonly ended: string }

/** Whether a value is a row that has these columns, each of its type; `null` stands for a number or nothing. */
export function isRow(
  value: unknown,
  columns: Readonly<Record<string, 'string' | 'number' | 'null'>>,
): value is Row {
  if (typeof value !== 'object' || value === null) return false
  const row = value as Row
  return Object.entries(columns).every(([name, type]) => {
    const found = row[name]
    return type === 'null' ? found === null || typeof found === 'number' : typeof found === type
  })
}
