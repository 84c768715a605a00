import { spreadOf, type Spread } from './statistics.ts'

/** In what a figure is given. */
export type Unit = 'requests/s' | 'µs' | 'ms' | 's' | 'bytes' | 'count'

/** The server that all others are held against. */
export const OURS = 'pinyon'

/** One thing that was measured of one server in one case. */
export interface Figure {
  readonly scenario: string
  /** The case, with all that it depends on: `64 KB, 16 connections`. Figures are compared between runs when this is the same. */
  readonly name: string
  readonly measure: string
  readonly unit: Unit
  /** Which of two values is the better one. */
  readonly better: 'more' | 'less'
  /** Whose it is. */
  readonly of: string
  readonly value: Spread
  /** Pinyon's value divided by this one's, round by round; absent for pinyon's own, and where nothing is to be divided. */
  readonly ratio?: Spread
  /** What the ratio, or without one the value, has to reach: at least this where more is better, at most this where less is. */
  readonly target?: number
  /** By which part a ratio may be worse in another run, beside its spread; undefined when it says nothing there. */
  readonly allowance?: number
}

/** What is measured, of whomever. */
export interface Measure {
  readonly scenario: string
  readonly name: string
  readonly measure: string
  readonly unit: Unit
  readonly better: 'more' | 'less'
  /** By server: for pinyon a limit of its value, for another one of the ratio to that. */
  readonly targets?: Readonly<Record<string, number>>
  readonly allowance?: number
  /** False where values are counts, which divided by each other say nothing. */
  readonly hasRatio?: boolean
}

/** What was measured, by server, a value a round; undefined where a round gave none. */
export type Samples = Readonly<Record<string, readonly (number | undefined)[]>>

/** Figures of all servers of which there are samples. Rounds of the same number are those of neighbours, and make a ratio. */
export function toFigures(measure: Measure, samples: Samples): Figure[] {
  const { targets = {}, hasRatio = true, ...common } = measure
  const ours = samples[OURS] ?? []
  return Object.entries(samples).flatMap(([of, values]) => {
    const present = values.filter(isNumber)
    if (present.length === 0) return []
    const ratios = of === OURS || !hasRatio ? [] : divide(ours, values)
    const target = targets[of]
    return {
      ...common,
      of,
      value: spreadOf(present),
      ...(ratios.length === 0 ? {} : { ratio: spreadOf(ratios) }),
      ...(target === undefined ? {} : { target }),
    }
  })
}

/** Whether a figure is what it is to be; undefined when it is to be nothing in particular. */
export function isReached({ ratio, value, better, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined
  const { median } = ratio ?? value
  return better === 'more' ? median >= target : median <= target
}

function divide(ours: readonly (number | undefined)[], theirs: readonly (number | undefined)[]): number[] {
  return theirs.flatMap((their, round) => {
    const our = ours[round]
    return our === undefined || their === undefined || their === 0 ? [] : [our / their]
  })
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value)
}
