/**
 * `npm run bench -- [--only hot,cold] [--quick] [--seed N] [--rounds N] [--case TEXT] [--peers NAME,…] [--output FILE]`: measures pinyon
 * against what a farm would otherwise put in front of its upstreams. Prints a table, and writes JSON and a picture into bench/results.
 */
import { runBench } from './run-bench.ts'
import { parseOptions } from './options.ts'
import { readArguments } from '../test/support/script-arguments.ts'

process.exitCode = await runBench(
  readArguments(import.meta.filename, (args) => parseOptions(args, Date.now())),
)
