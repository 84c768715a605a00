import type { BenchOptions } from '../options.ts'
import type { ScenarioResult } from '../report/result.ts'
import type { Fixtures } from './fixtures.ts'

/** What a scenario is given. */
export interface ScenarioContext {
  /** An empty directory of its own, removed afterwards. */
  readonly dir: string
  readonly options: BenchOptions
  readonly fixtures: Fixtures
  /** Tells what it does. */
  readonly say: (line: string) => void
}

/** Measures one thing. */
export type Scenario = (context: ScenarioContext) => Promise<ScenarioResult>

/** How a full run and a quick one differ, and what the command line says of it. */
export function chooseRounds({ rounds, isQuick }: BenchOptions, full: number, quick: number): number {
  return rounds ?? (isQuick ? quick : full)
}
