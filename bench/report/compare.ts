import { isReached, type Figure } from '../measure/figure.ts'
import { formatSpread, type Spread } from '../measure/statistics.ts'

/** By which part a value that missed its limit before may miss it by more. */
const VALUE_ALLOWANCE = 0.1

/** A figure of two runs. */
export interface Comparison {
  readonly figure: Figure
  readonly before: Spread
  readonly after: Spread
  /** Worse than both spreads and the figure's allowance explain. */
  readonly isWorse: boolean
}

/**
 * Holds the figures of one run against those of an earlier one: ratios, which hold on any machine, and of pinyon's own values those that
 * have a limit. What only one of the runs has is left out.
 */
export function compareFigures(before: readonly Figure[], after: readonly Figure[]): Comparison[] {
  const known = new Map(before.map((figure) => [keyOf(figure), figure]))
  return after.flatMap((figure) => {
    const earlier = known.get(keyOf(figure))
    if (earlier === undefined) return []
    if (figure.ratio !== undefined && earlier.ratio !== undefined) {
      if (figure.allowance === undefined) return []
      const [own, other] = [figure.ratio, earlier.ratio]
      return [{ figure, before: other, after: own, isWorse: isWorse(figure, other, own) }]
    }
    if (figure.ratio !== undefined || figure.target === undefined) return []
    const isMissed = isReached(figure) === false
    const wasReached = isReached({ ...earlier, target: figure.target }) === true
    const hasGrown = isWorse({ ...figure, allowance: VALUE_ALLOWANCE }, earlier.value, figure.value)
    return [
      { figure, before: earlier.value, after: figure.value, isWorse: isMissed && (wasReached || hasGrown) },
    ]
  })
}

/** Scenarios that both runs have, of which no figure could be compared. */
export function findUncompared(
  before: readonly Figure[],
  after: readonly Figure[],
  comparisons: readonly Comparison[],
): string[] {
  const compared = new Set(comparisons.map(({ figure }) => figure.scenario))
  const known = new Set(before.map(({ scenario }) => scenario))
  const fresh = new Set(after.map(({ scenario }) => scenario))
  return [...fresh].filter((scenario) => known.has(scenario) && !compared.has(scenario))
}

/** `hot, 64 KB, 16 connections, requests/s, pinyon : nginx proxy_cache: 1.02 (1.01–1.03) was 1.21 (1.19–1.23)`. */
export function describeComparison({ figure, before, after }: Comparison): string {
  const { scenario, name, measure, of, ratio } = figure
  const what = ratio === undefined ? of : `pinyon : ${of}`
  return `${scenario}, ${name}, ${measure}, ${what}: ${formatSpread(after)}, was ${formatSpread(before)}`
}

/** The middle halves of both lie apart, by more than the allowance. */
function isWorse({ better, allowance = 0 }: Figure, before: Spread, after: Spread): boolean {
  return better === 'more'
    ? after.high < before.low * (1 - allowance)
    : after.low > before.high * (1 + allowance)
}

function keyOf({ scenario, name, measure, of }: Figure): string {
  return JSON.stringify([scenario, name, measure, of])
}
