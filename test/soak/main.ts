/**
 * `npm run soak -- [--minutes M] [--seed S]`: runs a server for M minutes (5 unless told) under everything that can happen to it, all at once and
 * at random, and holds its promises against that. Prints its seed, and a report; ends with 1 at the first promise that is not kept. What is
 * chosen is the same for the same seed; when it meets what, is the machine's.
 */
import type { TestContext } from 'node:test'
import { parseArgs } from 'node:util'

import { formatReport } from './report.ts'
import { soak } from './soak.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const minutes = Number(values.minutes ?? 5)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const cleanups: (() => unknown)[] = []
const context = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) } as unknown as TestContext

process.stdout.write(`${minutes} minutes, seed ${seed}\n`)
try {
  const report = await soak(context, minutes * 60, seed)
  process.stdout.write(formatReport(report))
  process.exitCode = report.judge.violation === undefined ? 0 : 1
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup()
}
