import { element, logAxis, SERIES, seriesMark, WIDTH, type Part } from './svg.ts'

/** A case: how many times pinyon is ahead of each server. */
export interface RatioRow {
  readonly title: string
  readonly marks: readonly RatioMark[]
}

/** Median and quartiles; above 1 pinyon is ahead. */
export interface RatioMark {
  readonly of: string
  readonly median: number
  readonly low: number
  readonly high: number
}

const LABELS_PX = 440
const RIGHT_PX = WIDTH - 24
const ROW_PX = 22
const LEGEND_PX = 30
const LEGEND_ROW_PX = 22
const LEGEND_COLUMNS = 6
const LEGEND_ENTRY_PX = 150
/** Marks of a row, one below the other, overlap as little as they can. */
const SPREAD_PX = 3.5

/** A line for each case, a mark for each server, right of the middle line where pinyon is ahead. Logarithmic: twice and half are as far away. */
export function formatRatioChart(rows: readonly RatioRow[]): Part {
  if (rows.length === 0) return { svg: '', height: 0 }
  const servers = [...new Set(rows.flatMap(({ marks }) => marks.map(({ of }) => of)))]
  const axis = logAxis(
    [1, ...rows.flatMap(({ marks }) => marks.map(({ median }) => median))],
    LABELS_PX,
    RIGHT_PX,
  )
  const top = LEGEND_PX + Math.ceil(servers.length / LEGEND_COLUMNS) * LEGEND_ROW_PX
  const bottom = top + rows.length * ROW_PX
  const parts = [...legend(servers)]
  for (const tick of axis.ticks) {
    const x = axis.at(tick)
    parts.push(
      element('line', { class: tick === 1 ? 'even' : 'grid', x1: x, x2: x, y1: top - 6, y2: bottom }),
    )
    parts.push(
      element('text', { class: 'small', x, y: bottom + 16, 'text-anchor': 'middle' }, formatTick(tick)),
    )
  }
  for (const [index, { title, marks }] of rows.entries()) {
    const y = top + (index + 0.5) * ROW_PX
    parts.push(element('text', { x: LABELS_PX - 12, y: y + 4, 'text-anchor': 'end' }, shorten(title)))
    for (const [position, mark] of marks.entries()) {
      const own = y + (position - (marks.length - 1) / 2) * SPREAD_PX
      const series = servers.indexOf(mark.of)
      const [x1, x2] = [axis.at(mark.low), axis.at(mark.high)]
      parts.push(element('line', { class: `s${series % SERIES}`, x1, x2, y1: own, y2: own }))
      parts.push(seriesMark(series, axis.at(mark.median), own))
    }
  }
  return { svg: parts.join('\n'), height: bottom + 32 }
}

function legend(servers: readonly string[]): string[] {
  const title = 'how many times pinyon is better than … (right of 1: ahead)'
  const entries = servers.flatMap((server, index) => {
    const x = 16 + (index % LEGEND_COLUMNS) * LEGEND_ENTRY_PX
    const y = LEGEND_PX + Math.floor(index / LEGEND_COLUMNS) * LEGEND_ROW_PX
    return [seriesMark(index, x + 6, y - 4), element('text', { x: x + 16, y }, server)]
  })
  return [element('text', { class: 'head', x: 16, y: 8 }, title), ...entries]
}

function formatTick(tick: number): string {
  return tick >= 1 ? `${tick}×` : `1/${Math.round(1 / tick)}`
}

/** What fits left of the axis. */
function shorten(title: string): string {
  const longest = 72
  return title.length <= longest ? title : `${title.slice(0, longest - 1)}…`
}
