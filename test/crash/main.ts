/**
 * `npm run crash -- [--times N] [--seed S]`: kills a server N times (100 unless told) at random moments and checks after each restart
 * that nothing promised was lost. Prints its seed; ends with 1 at the first broken promise.
 */
import type { TestContext } from 'node:test'
import { parseArgs } from 'node:util'

import { Random } from '../support/random.ts'
import { parseSeed, parseWhole, readArguments } from '../support/script-arguments.ts'
import { killLoop } from './kill-loop.ts'

const options = { times: { type: 'string', default: '100' }, seed: { type: 'string' } } as const
const { times, seed } = readArguments(import.meta.filename, (args) => {
  const { values } = parseArgs({ args: [...args], options })
  return { times: parseWhole('--times', values.times, 1), seed: parseSeed(values.seed) }
})
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
