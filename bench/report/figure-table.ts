import { isReached, type Figure } from '../measure/figure.ts'
import { formatSpread } from '../measure/statistics.ts'
import { formatValue } from './format-value.ts'
import { formatTable } from './table.ts'

/** Measures that stand in columns of their own, beside what a case is about. */
const BESIDE = ['CPU', 'p50', 'p99', 'RSS'] as const

const HEAD = [
  '',
  'measure',
  'value',
  'pinyon : it',
  'to reach',
  'CPU',
  'pinyon : it',
  'p50',
  'p99',
  'pinyon : it',
  'RSS',
]

/** A line for each server below each case: what that is about first, then what it cost. What is not as it is to be is marked with `!`. */
export function formatFigures(figures: readonly Figure[]): string {
  const aimed = findAimed(figures)
  const main = figures.filter((one) => !isBeside(one.measure) || aimed.has(one))
  const titles = main.map(({ scenario, name }) => `${scenario}: ${name}`)
  const seen = new Set<string>()
  const rows = main.map((figure, at) => {
    const title = titles[at] ?? ''
    // What a case costs beside is said once a server.
    const key = `${title} ${figure.of}`
    const beside = seen.has(key) ? new Map<string, Figure>() : besideOf(figure, figures)
    seen.add(key)
    return formatRow(figure, beside)
  })
  const [head = '', ...lines] = formatTable([HEAD, ...rows])
    .trimEnd()
    .split('\n')
  const body = lines.map((line, at) => (titles[at] === titles[at - 1] ? line : `\n${titles[at]}\n${line}`))
  return `${[head, ...body].join('\n')}\n`
}

/** `≥ 1.2`, `≤ 50 ms`, or nothing. */
export function formatTarget({ target, better, ratio, unit }: Figure): string {
  if (target === undefined) return ''
  return `${better === 'more' ? '≥' : '≤'} ${ratio === undefined ? formatValue(target, unit) : target}`
}

/** All figures, whosever, of what somebody's is to reach something in. */
export function findAimed(figures: readonly Figure[]): Set<Figure> {
  const groups = Map.groupBy(figures, ({ scenario, name, measure }) =>
    JSON.stringify([scenario, name, measure]),
  )
  return new Set(
    [...groups.values()].filter((same) => same.some(({ target }) => target !== undefined)).flat(),
  )
}

/** Whether a measure says what a case costs, not what it is about. */
export function isBeside(measure: string): boolean {
  return BESIDE.some((one) => one === measure)
}

function formatRow(figure: Figure, beside: ReadonlyMap<string, Figure>): string[] {
  return [
    `  ${figure.of}`,
    figure.measure,
    formatMedian(figure),
    formatRatio(figure),
    formatTarget(figure),
    formatMedian(beside.get('CPU')),
    formatRatio(beside.get('CPU')),
    formatMedian(beside.get('p50')),
    formatMedian(beside.get('p99')),
    formatRatio(beside.get('p99')),
    formatMedian(beside.get('RSS')),
  ]
}

function formatMedian(figure: Figure | undefined): string {
  if (figure === undefined) return ''
  const { value, unit, ratio } = figure
  return `${formatValue(value.median, unit)}${ratio === undefined ? mark(figure) : ''}`
}

function formatRatio(figure: Figure | undefined): string {
  if (figure?.ratio === undefined) return ''
  const digits = figure.ratio.median < 0.1 ? 4 : 2
  return `${formatSpread(figure.ratio, digits)}${mark(figure)}`
}

function mark(figure: Figure): string {
  return isReached(figure) === false ? ' !' : ''
}

function besideOf(figure: Figure, figures: readonly Figure[]): Map<string, Figure> {
  const { scenario, name, of } = figure
  const same = figures.filter((one) => one.scenario === scenario && one.name === name && one.of === of)
  return new Map(same.map((one) => [one.measure, one]))
}
