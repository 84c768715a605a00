import { isReached, OURS, type Figure } from '../measure/figure.ts'
import { findAimed, formatTarget, isBeside } from './figure-table.ts'
import { formatValue } from './format-value.ts'
import type { BenchResult } from './result.ts'

/** The tables of README: hits against each peer, and the rest with what it is to reach. */
export function formatMarkdown(result: BenchResult): string {
  const { machine, versions, date, commit } = result
  const aimed = findAimed(result.figures)
  // What a case costs beside, and pinyon in another way, where something is to be reached by it.
  const main = result.figures.filter(
    (one) => aimed.has(one) || (!isBeside(one.measure) && !one.of.includes(',')),
  )
  const hot = main.filter(({ scenario }) => scenario === 'hot')
  const others = main.filter(({ scenario }) => scenario !== 'hot')
  const peers = [...new Set(hot.map(({ of }) => of))].filter((of) => of !== OURS)
  const tables = [
    hot.length === 0 ? [] : formatHits(hot, peers),
    others.length === 0 ? [] : formatOthers(others),
  ]
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    ...tables.filter((lines) => lines.length > 0).flatMap((lines) => [...lines, '']),
    ...result.notes.map((note) => `* ${note}`),
    ...(result.notes.length === 0 ? [] : ['']),
    `${machine.cores} cores (${machine.processor}), ${machine.memoryGiB} GiB, Linux ${machine.kernel}; ${programs.join(', ')}; ` +
      `${date.slice(0, 10)}, ${commit}. Medians, quartiles in brackets; **bold** where pinyon is ahead.`,
    '',
  ].join('\n')
}

const BEGIN = '<!-- npm run bench: from here -->'
const END = '<!-- npm run bench: to here -->'

/** A text with other tables between the two comments that mark their place. @throws Error when it has none */
export function replaceTables(text: string, markdown: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin < 0 || end < begin)
    throw new Error(`nowhere to put the tables: expected “${BEGIN}” and “${END}”, found ${begin} and ${end}`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${markdown}\n${text.slice(end)}`
}

function formatHits(hot: readonly Figure[], peers: readonly string[]): string[] {
  const names = [...new Set(hot.map(({ name }) => name))]
  const find = (name: string, of: string) => hot.find((one) => one.name === name && one.of === of)
  const rows = names.map((name) => {
    const own = find(name, OURS)
    const value = own === undefined ? '' : formatValue(own.value.median, own.unit)
    return line([name, value, ...peers.map((peer) => formatRatio(find(name, peer)))])
  })
  return [line(['requests/s', OURS, ...peers.map((peer) => `: ${peer}`)]), rule(peers.length + 2), ...rows]
}

/** A row for each server that a measure is held against, and one for what is pinyon's alone. */
function formatOthers(figures: readonly Figure[]): string[] {
  const rows = [...Map.groupBy(figures, keyOf).values()].flatMap((same) => {
    const own = same.find(({ of }) => of === OURS)
    const rivals = same.filter(({ ratio }) => ratio !== undefined)
    if (own === undefined) return []
    const head = [`${own.scenario}: ${own.name}`, own.measure, formatMedian(own)]
    if (rivals.length > 0)
      return rivals.map((rival) => line([...head, rival.of, formatRatio(rival), formatReached(rival)]))
    const counted = same.filter((one) => one !== own).map((one) => `${one.of} ${formatMedian(one)}`)
    return [line([...head, counted.join(', '), '', formatReached(own)])]
  })
  return [line(['', 'measure', OURS, 'against', 'pinyon : it', 'to reach']), rule(6), ...rows]
}

function keyOf({ scenario, name, measure }: Figure): string {
  return JSON.stringify([scenario, name, measure])
}

function formatMedian({ value, unit }: Figure): string {
  return formatValue(value.median, unit)
}

function formatReached(figure: Figure): string {
  return `${formatTarget(figure)}${isReached(figure) === false ? ' (missed)' : ''}`
}

function formatRatio(figure: Figure | undefined): string {
  if (figure?.ratio === undefined) return ''
  const { median, low, high } = figure.ratio
  const isAhead = figure.better === 'more' ? median > 1 : median < 1
  const digits = median >= 10 ? 0 : median < 0.1 ? 4 : 2
  const shown = isAhead ? `**${median.toFixed(digits)}**` : median.toFixed(digits)
  return `${shown} (${low.toFixed(digits)}–${high.toFixed(digits)})`
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`
}

function rule(columns: number): string {
  return `|${'---|'.repeat(columns)}`
}
