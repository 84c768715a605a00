/**
 * Looks for what has become slower: `npm run bench:compare -- [A.json [B.json]] [--only hot,cold]` holds the ratios of B, by default those of a
 * quick run made now, of all scenarios unless told, against those of A, by default the kept ones. Exits 1 when one is worse than the spread of
 * both explains, and says which. A quick run has some scenarios in other sizes, which are told of: to compare them, make a full one (`npm run
 * bench -- --output B`) and give B.json. Ratios differ between processors by more than code makes them: of the kept results those are taken that come
 * from one like that of B, where there are some.
 */
import { parseArgs } from 'node:util'

import { readMachine } from './measure/machine.ts'
import { parseOptions } from './options.ts'
import { chooseKept } from './report/kept-results.ts'
import { compareFigures, describeComparison, findUncompared } from './report/compare.ts'
import { readResult } from './report/result.ts'
import { measureAll } from './run-bench.ts'
import { readArguments } from '../test/support/script-arguments.ts'

const { positionals, run } = readArguments(import.meta.filename, (args) => {
  const options = { only: { type: 'string' } } as const
  const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true })
  const only = values.only === undefined ? [] : ['--only', values.only]
  return { positionals, run: parseOptions(['--quick', ...only], Date.now()) }
})
const [given, after] = positionals
const measured = after === undefined ? undefined : readResult(after)
const before = given ?? chooseKept(readMachine())
const known = readResult(before)
const fresh = measured ?? (await measureAll({ ...run, seed: known.seed }))
const comparisons = compareFigures(known.figures, fresh.figures)
const worse = comparisons.filter(({ isWorse }) => isWorse)
for (const one of worse) process.stdout.write(`worse: ${describeComparison(one)}\n`)
process.stdout.write(`${comparisons.length} figures compared with ${before}, ${worse.length} are worse\n`)
const uncompared = findUncompared(known.figures, fresh.figures, comparisons)
if (uncompared.length > 0)
  process.stdout.write(`not compared, as they measured it in other sizes: ${uncompared.join(', ')}\n`)
if (comparisons.length === 0) process.stdout.write('nothing to compare: the two have no case in common\n')
const [processor, other] = [fresh.machine.processor, known.machine.processor]
if (processor !== other)
  process.stdout.write(
    `the processors differ, ${processor} and ${other}, which changes ratios by more than code does\n`,
  )
process.exitCode = worse.length === 0 && comparisons.length > 0 ? 0 : 1
