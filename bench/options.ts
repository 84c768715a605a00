import { parseArgs } from 'node:util'

/** Every scenario, in the order in which they run. */
export const SCENARIOS = [
  'hot',
  'tail',
  'logging',
  'cold',
  'fill-rate',
  'stampede',
  'sync',
  'resync',
  'beside-sync',
  'dnf',
  'against-reposync',
  'scale',
  'soak',
] as const

/** A scenario's name: that of its file in bench/scenarios. */
export type ScenarioName = (typeof SCENARIOS)[number]

/** What `npm run bench` was told. */
export interface BenchOptions {
  readonly only: readonly ScenarioName[]
  /** Fewer peers, cases and rounds: a look, not a result to keep. */
  readonly isQuick: boolean
  /** Of every random choice. */
  readonly seed: number
  /** Only cases whose name contains this. */
  readonly cases: string
  /** Only peers whose name contains one of these; empty for a scenario's usual ones. */
  readonly peers: readonly string[]
  /** How often each case is repeated; undefined for as often as the scenario has it. */
  readonly rounds: number | undefined
  /** Where the result is written, without `.json` and `.svg`. */
  readonly output: string | undefined
}

/** Short enough to be typed again. */
const SEEDS = 1_000_000

/**
 * Reads the command line.
 * @param now milliseconds since the epoch, of which a seed is made where none is given
 * @throws Error that says which argument is wrong, and what it may be
 */
export function parseOptions(args: readonly string[], now: number): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: SCENARIOS.join(',') },
      quick: { type: 'boolean', default: false },
      seed: { type: 'string' },
      case: { type: 'string', default: '' },
      peers: { type: 'string', default: '' },
      rounds: { type: 'string' },
      output: { type: 'string' },
    },
  })
  return {
    only: parseOnly(values.only),
    isQuick: values.quick,
    seed: parseCount('--seed', values.seed) ?? now % SEEDS,
    cases: values.case,
    peers: splitList(values.peers),
    rounds: parseCount('--rounds', values.rounds),
    output: values.output,
  }
}

function parseOnly(text: string): ScenarioName[] {
  const names = splitList(text)
  const unknown = names.find((name) => !SCENARIOS.some((known) => known === name))
  if (unknown !== undefined || names.length === 0)
    throw new Error(
      `--only takes scenarios of ${SCENARIOS.join(', ')}, separated by commas: ${unknown ?? text}`,
    )
  return SCENARIOS.filter((known) => names.includes(known))
}

function parseCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text) || (option === '--rounds' && Number(text) === 0))
    throw new Error(`${option} takes a whole number: ${text}`)
  return Number(text)
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
