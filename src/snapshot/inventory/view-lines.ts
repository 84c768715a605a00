import { existsSync, readFileSync } from 'node:fs'

import { appendDurably, writeDurably } from '../../system/publish.ts'
import { isRow, type Row, type ViewLine } from './inventory-format.ts'
import { openLines, sealLine } from './sealed-lines.ts'
import type { InventoryStatements } from './sql-inventory.ts'

/** As many lines more than twice the views, and the file is made anew. */
const SPARE_LINES = 500

/** What lines of views come to. */
export interface ViewsRead {
  readonly clock: Row | undefined
  readonly views: ReadonlyMap<string, Row>
  readonly lines: number
  readonly damaged: number
}

/** Replays lines of views: the last word on each counts. */
export function readViews(text: string): ViewsRead {
  const views = new Map<string, Row>()
  let clock: Row | undefined
  const { values, damaged } = openLines(text)
  for (const value of values as (ViewLine | null)[]) {
    if (value === null) continue
    if ('clock' in value) clock = value.clock
    else if ('ended' in value) views.delete(value.ended)
    else if (isRow(value.view, { name: 'string', generation: 'number', expires_at: 'number' }))
      views.set(String(value.view['name']), value.view)
  }
  return { clock, views, lines: values.length, damaged: damaged.length }
}

/** Appends how views differ from what a file says, or makes it anew: when it is missing, damaged, or mostly of views that are no more. */
export async function updateViews(file: string, statements: InventoryStatements): Promise<void> {
  const rows = statements.views.all() as (Row & { name: string })[]
  const clock = statements.clock.get() as Row | undefined
  const clockLines: ViewLine[] = clock === undefined ? [] : [{ clock }]
  const before = existsSync(file) ? readViews(readFileSync(file, 'utf8')) : undefined
  if (before === undefined || before.damaged > 0 || before.lines > 2 * rows.length + SPARE_LINES) {
    const lines = [...clockLines, ...rows.map((view): ViewLine => ({ view }))]
    return await writeDurably(file, lines.map(sealLine).join(''))
  }
  const names = new Set(rows.map(({ name }) => name))
  const isKnown = (row: Row & { name: string }) =>
    JSON.stringify(before.views.get(row.name)) === JSON.stringify(row)
  const changed = rows.filter((row) => !isKnown(row)).map((view): ViewLine => ({ view }))
  const ended = [...before.views.keys()]
    .filter((name) => !names.has(name))
    .map((name): ViewLine => ({ ended: name }))
  if (changed.length + ended.length === 0) return
  await appendDurably(file, [...clockLines, ...changed, ...ended].map(sealLine).join(''))
}
