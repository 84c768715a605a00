import { OURS, type Figure } from '../measure/figure.ts'
import { formatCurves } from './curve-panels.ts'
import { isBeside } from './figure-table.ts'
import { formatRatioChart, type RatioRow } from './ratio-chart.ts'
import type { BenchResult } from './result.ts'
import { element, escapeXml, STYLE, WIDTH } from './svg.ts'

const MARGIN = 16
const HEAD_HEIGHT = 82

/** A run as a picture: how far pinyon is ahead of each server in each case, and how its costs grow. SVG, for light and dark pages. */
export function formatPicture(result: BenchResult): string {
  const chart = formatRatioChart(toRows(result.figures))
  const curves = formatCurves(result.curves)
  const height = HEAD_HEIGHT + chart.height + curves.height + MARGIN
  const { machine, date, commit, seed, versions } = result
  const facts = `${machine.cores} cores (${machine.processor}), Linux ${machine.kernel}, ${date.slice(0, 10)}, ${commit}, seed ${seed}`
  const programs = Object.entries(versions).map((pair) => pair.join(' '))
  const title = `pinyon against what else serves packages${result.isQuick ? ' (a quick run)' : ''}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}</style>`,
    element('rect', { class: 'page', width: WIDTH, height }),
    element('text', { class: 'title', x: MARGIN, y: 28 }, title),
    element('text', { class: 'small', x: MARGIN, y: 48 }, facts),
    element('text', { class: 'small', x: MARGIN, y: 66 }, programs.join(', ')),
    `<g transform="translate(0 ${HEAD_HEIGHT})">${chart.svg}</g>`,
    `<g transform="translate(0 ${HEAD_HEIGHT + chart.height})">${curves.svg}</g>`,
    '</svg>\n',
  ].join('\n')
}

/** A row for each case that has ratios of what it is about. */
function toRows(figures: readonly Figure[]): RatioRow[] {
  const main = figures.filter(
    ({ measure, ratio, of }) => ratio !== undefined && of !== OURS && !isBeside(measure),
  )
  return [...Map.groupBy(main, titleOf)].map(([title, own]) => ({
    title,
    marks: own.flatMap(({ of, ratio, better }) =>
      ratio === undefined ? [] : [{ of, ...ahead(ratio, better) }],
    ),
  }))
}

/** Hits are all about one measure. */
function titleOf({ scenario, name, measure }: Figure): string {
  return scenario === 'hot' ? `${scenario}: ${name}` : `${scenario}: ${name}, ${measure}`
}

/** How many times pinyon is better: above 1 it is ahead, whether more or less of the measure is better. */
function ahead({ median, low, high }: NonNullable<Figure['ratio']>, better: Figure['better']) {
  return better === 'more' ? { median, low, high } : { median: 1 / median, low: 1 / high, high: 1 / low }
}
