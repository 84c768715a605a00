/**
 * How memory, database, start and look-ups grow with mirrors, snapshots and packages: farms as syncs would have left them, one thing larger each
 * time, and the idle farm of 30 mirrors.
 */
import { join } from 'node:path'

import type { FarmSize } from '../farm-data.ts'
import { OURS, toFigures, type Figure, type Unit } from '../measure/figure.ts'
import { measureFarm, type FarmFigures } from '../measure/farm-figures.ts'
import type { Scenario } from '../measure/scenario.ts'
import { compilePinyon } from '../measure/timed-command.ts'
import type { Curve } from '../report/result.ts'

type Shape = Pick<FarmSize, 'mirrors' | 'snapshots' | 'packages'>

/** What grows, the farm that it grows in, and how far; the last step only in a full run. */
const DIMENSIONS: readonly {
  readonly over: keyof Shape
  readonly farm: Shape
  readonly steps: readonly number[]
}[] = [
  { over: 'mirrors', farm: { mirrors: 1, snapshots: 10, packages: 1_000 }, steps: [1, 10, 30, 100] },
  { over: 'snapshots', farm: { mirrors: 1, snapshots: 1, packages: 1_000 }, steps: [1, 10, 100, 1_000] },
  {
    over: 'packages',
    farm: { mirrors: 1, snapshots: 2, packages: 1 },
    steps: [1_000, 10_000, 100_000, 1_000_000],
  },
]

const MEASURES: readonly (readonly [measure: string, unit: Unit, pick: (figures: FarmFigures) => number])[] =
  [
    ['memory', 'bytes', ({ rssBytes }) => rssBytes],
    ['database', 'bytes', ({ databaseBytes }) => databaseBytes],
    ['look-up, p50', 'µs', ({ p50Us }) => p50Us],
    ['look-up, p99', 'µs', ({ p99Us }) => p99Us],
    ['start', 's', ({ startSeconds }) => startSeconds],
  ]

const IDLE: Shape = { mirrors: 30, snapshots: 42, packages: 10_000 }
const IDLE_RSS_BYTES = 120e6
const IDLE_START_SECONDS = 2
/** What it does once after a start, in processes of its own, has ended. */
const IDLE_SETTLE_MS = 8_000

/** Runs it. */
export const runScale: Scenario = async ({ dir, options, say }) => {
  compilePinyon()
  const curves: Curve[] = []
  for (const { over, farm, steps } of DIMENSIONS) {
    const measured: [number, FarmFigures][] = []
    for (const x of options.isQuick ? steps.slice(0, -1) : steps) {
      say(`${x} ${over}`)
      measured.push([x, await measureFarm(join(dir, `${over}-${x}`), { ...farm, [over]: x }, options.seed)])
    }
    for (const [measure, unit, pick] of MEASURES)
      curves.push({
        measure,
        unit,
        over,
        points: measured.map(([x, figures]) => ({ x, value: pick(figures) })),
      })
  }
  say('30 mirrors × 42 snapshots × 10,000 packages')
  const idle = await measureFarm(join(dir, 'idle'), IDLE, options.seed, IDLE_SETTLE_MS)
  return { figures: describeIdle(idle), curves, notes: [] }
}

function describeIdle({ idleRssBytes, startSeconds, databaseBytes }: FarmFigures): Figure[] {
  const common = {
    scenario: 'scale',
    name: 'idle, 30 mirrors × 42 snapshots × 10,000 packages',
    better: 'less',
  } as const
  return [
    ...toFigures(
      { ...common, measure: 'memory', unit: 'bytes', targets: { [OURS]: IDLE_RSS_BYTES } },
      { [OURS]: idleRssBytes === undefined ? [] : [idleRssBytes] },
    ),
    ...toFigures(
      { ...common, measure: 'start until ready', unit: 's', targets: { [OURS]: IDLE_START_SECONDS } },
      { [OURS]: [startSeconds] },
    ),
    ...toFigures({ ...common, measure: 'database', unit: 'bytes' }, { [OURS]: [databaseBytes] }),
  ]
}
