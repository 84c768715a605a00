import { readFileSync, writeFileSync } from 'node:fs'

import type { Figure, Unit } from '../measure/figure.ts'
import type { Machine } from '../measure/machine.ts'

/** How something grows with something else. */
export interface Curve {
  /** `memory`. */
  readonly measure: string
  readonly unit: Unit
  /** What grows: `mirrors`. */
  readonly over: string
  readonly points: readonly { readonly x: number; readonly value: number }[]
}

/** What is kept of a run. */
export interface BenchResult {
  readonly machine: Machine
  /** By program, what it says of itself. */
  readonly versions: Readonly<Record<string, string>>
  readonly seed: number
  /** When it began, in ISO 8601. */
  readonly date: string
  readonly commit: string
  readonly isQuick: boolean
  readonly seconds: number
  readonly figures: readonly Figure[]
  readonly curves: readonly Curve[]
  /** What has to be known to read the figures: what was scaled, and left out. */
  readonly notes: readonly string[]
}

/** What a scenario gives. */
export type ScenarioResult = Pick<BenchResult, 'figures' | 'curves' | 'notes'>

/** Reads a result file. @throws Error that names the file when it is none */
export function readResult(file: string): BenchResult {
  const parsed = JSON.parse(readFileSync(file, 'utf8')) as Partial<BenchResult>
  if (!Array.isArray(parsed.figures))
    throw new Error(`${file} is no result of npm run bench: it has no figures`)
  return parsed as BenchResult
}

/** Writes a result file, a figure a line, so that two can be compared by eye. */
export function writeResult(file: string, result: BenchResult): void {
  const { figures, ...rest } = result
  const head = JSON.stringify(rest, undefined, 1).slice(0, -2)
  const lines = figures.map((figure) => `  ${JSON.stringify(roundFigure(figure))}`).join(',\n')
  writeFileSync(file, `${head},\n "figures": [\n${lines}\n ]\n}\n`)
}

/** More digits than that say nothing. */
function roundFigure(figure: Figure): Figure {
  const rounded = JSON.stringify(figure, (_, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(5)) : value,
  )
  return JSON.parse(rounded) as Figure
}
