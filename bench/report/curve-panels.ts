import { formatValue } from './format-value.ts'
import type { Curve } from './result.ts'
import { element, logAxis, seriesMark, WIDTH, type LogAxis, type Part } from './svg.ts'

const COLUMNS = 3
const PANEL = { width: (WIDTH - 32) / COLUMNS, height: 150, left: 70, right: 24, top: 34, bottom: 34 }
const HEAD_PX = 24
const LABEL_PX = 13

/** A small panel for each curve, those over the same thing below each other; both axes are logarithmic. */
export function formatCurves(curves: readonly Curve[]): Part {
  if (curves.length === 0) return { svg: '', height: 0 }
  const over = [...new Set(curves.map((curve) => curve.over))]
  const measures = [...new Set(curves.map(({ measure }) => measure))]
  const panels = curves.map((curve) => {
    const x = 16 + over.indexOf(curve.over) * PANEL.width
    const y = HEAD_PX + measures.indexOf(curve.measure) * PANEL.height
    return `<g transform="translate(${x.toFixed(1)} ${y})">${formatPanel(curve)}</g>`
  })
  const title = element(
    'text',
    { class: 'head', x: 16, y: 16 },
    'what a farm costs as it grows (both axes logarithmic)',
  )
  return { svg: [title, ...panels].join('\n'), height: HEAD_PX + measures.length * PANEL.height }
}

function formatPanel({ measure, unit, over, points }: Curve): string {
  const { left, right, top, bottom, width, height } = PANEL
  const across = logAxis(
    points.map(({ x }) => x),
    left,
    width - right,
  )
  const values = points.map(({ value }) => value)
  const middle = Math.sqrt(Math.max(...values) * Math.min(...values))
  // A curve that hardly rises is not to look as if it did.
  const up = logAxis([...values, middle / 2, middle * 2], height - bottom, top)
  const at = points.map(({ x, value }) => [across.at(x), up.at(value)] as const)
  const grid = points.flatMap(({ x }) => {
    const px = across.at(x)
    const label = { class: 'small', x: px, y: height - bottom + 14, 'text-anchor': 'middle' }
    return [
      element('line', { class: 'grid', x1: px, x2: px, y1: top, y2: height - bottom }),
      element('text', label, formatCount(x)),
    ]
  })
  const labels = endsOf(values, up).map((value) =>
    element(
      'text',
      { class: 'small', x: left - 8, y: up.at(value) + 4, 'text-anchor': 'end' },
      formatValue(value, unit),
    ),
  )
  const line = element('polyline', {
    class: 's0 line',
    points: at.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' '),
  })
  const marks = at.map(([x, y]) => seriesMark(0, x, y))
  return [
    element('text', { x: left, y: top - 12 }, `${measure}, by ${over}`),
    ...grid,
    ...labels,
    line,
    ...marks,
  ].join('\n')
}

/** The least and the largest value, or where those are hardly apart one of them. */
function endsOf(values: readonly number[], axis: LogAxis): number[] {
  const [least, largest] = [Math.min(...values), Math.max(...values)]
  return axis.at(least) - axis.at(largest) < LABEL_PX ? [largest] : [least, largest]
}

/** `100k`. */
function formatCount(count: number): string {
  if (count >= 1e6) return `${count / 1e6}M`
  return count >= 1e3 ? `${count / 1e3}k` : String(count)
}
