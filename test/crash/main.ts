/**
 * `npm run crash -- [--times N] [--seed S]`: kills a server N times (100 unless told) at random moments and checks after each restart
 * that nothing promised was lost. Prints its seed; ends with 1 at the first broken promise.
 */
import type { TestContext } from 'node:test'
import { parseArgs } from 'node:util'

import { Random } from '../support/random.ts'
import { killLoop } from './kill-loop.ts'

const { values } = parseArgs({ options: { times: { type: 'string' }, seed: { type: 'string' } } })
const times = Number(values.times ?? 100)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const cleanups: (() => unknown)[] = []
const context = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) } as unknown as TestContext

process.stdout.write(`${times} kills, seed ${seed}\n`)
try {
  const report = await killLoop(context, times, new Random(seed))
  process.stdout.write(
    `${report.kills} kills: ${report.duringSync} during a sync, ${report.duringFill} during a fill, ${report.duringCollection} during a collection; ` +
      `${report.snapshots} snapshots published, ${report.retired} retired; no promise broken\n`,
  )
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup()
}
