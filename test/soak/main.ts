/**
 * `npm run soak -- [--minutes M] [--seed S]`: runs a server for M minutes (5 unless told) under everything that can happen to it, all at once and
 * at random, and holds its promises against that. Prints its seed, and a report; ends with 1 at the first promise that is not kept. What is
 * chosen is the same for the same seed; when it meets what, is the machine's.
 */
import type { TestContext } from 'node:test'
import { parseArgs } from 'node:util'

import { parseAmount, parseSeed, readArguments } from '../support/script-arguments.ts'
import { formatReport } from './report.ts'
import { soak } from './soak.ts'

const options = { minutes: { type: 'string', default: '5' }, seed: { type: 'string' } } as const
const { minutes, seed } = readArguments(import.meta.filename, (args) => {
  const { values } = parseArgs({ args: [...args], options })
  return { minutes: parseAmount('--minutes', values.minutes), seed: parseSeed(values.seed) }
})
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
