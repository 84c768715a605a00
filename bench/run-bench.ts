import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { Fixtures } from './measure/fixtures.ts'
import { formatFigures } from './report/figure-table.ts'
import { exitOnSignals, removeWithUs } from './measure/leave-nothing.ts'
import { readCommit, readMachine, readVersions } from './measure/machine.ts'
import { formatPicture } from './report/picture.ts'
import { writeResult, type BenchResult, type ScenarioResult } from './report/result.ts'
import type { BenchOptions, ScenarioName } from './options.ts'
import { loadScenario } from './scenarios/load-scenario.ts'

const ROOT = dirname(import.meta.dirname)

/** Where results lie. */
const RESULTS = join(import.meta.dirname, 'results')

/** Runs scenarios one after the other, and tells and keeps what came of them. The exit status is 1 when one could not be run to its end. */
export async function runBench(options: BenchOptions): Promise<number> {
  const result = await measureAll(options)
  process.stdout.write(`${formatFigures(result.figures)}\n`)
  for (const note of result.notes) process.stdout.write(`* ${note}\n`)
  const { processor, cores, memoryGiB, kernel } = result.machine
  const programs = Object.entries(result.versions).map((pair) => pair.join(' '))
  process.stdout.write(
    `${cores} cores (${processor}), ${memoryGiB} GiB, Linux ${kernel}; ${programs.join(', ')}; seed ${result.seed}, ${Math.round(result.seconds)} s\n`,
  )
  const output = options.output ?? join(RESULTS, options.isQuick ? 'quick' : 'latest')
  mkdirSync(dirname(output), { recursive: true })
  writeResult(`${output}.json`, result)
  writeFileSync(`${output}.svg`, formatPicture(result))
  process.stdout.write(`${output}.json, ${output}.svg\n`)
  return result.notes.some((note) => note.includes(FAILED)) ? 1 : 0
}

const FAILED = 'was not measured to its end'

/** Runs scenarios one after the other. */
export async function measureAll(options: BenchOptions): Promise<BenchResult> {
  exitOnSignals()
  const startedAt = Date.now()
  const results: ScenarioResult[] = []
  const shared = mkdtempSync(join(tmpdir(), 'pinyon-bench-'))
  removeWithUs(shared)
  try {
    const fixtures = new Fixtures(shared)
    for (const name of options.only) results.push(await measureScenario(name, options, fixtures))
  } finally {
    rmSync(shared, { recursive: true, force: true })
  }
  return {
    machine: readMachine(),
    versions: readVersions(),
    seed: options.seed,
    date: new Date(startedAt).toISOString(),
    commit: readCommit(ROOT),
    isQuick: options.isQuick,
    seconds: (Date.now() - startedAt) / 1_000,
    figures: results.flatMap(({ figures }) => figures),
    curves: results.flatMap(({ curves }) => curves),
    notes: results.flatMap(({ notes }) => notes),
  }
}

/** One that fails, or lacks what it needs, is told of, and the others are run all the same. */
async function measureScenario(
  name: ScenarioName,
  options: BenchOptions,
  fixtures: Fixtures,
): Promise<ScenarioResult> {
  const dir = mkdtempSync(join(tmpdir(), `pinyon-bench-${name}-`))
  removeWithUs(dir)
  const say = (line: string) => process.stderr.write(`${name}: ${line}\n`)
  const startedAt = performance.now()
  try {
    const run = await loadScenario(name)
    return await run({ dir, options, fixtures, say })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    say(error instanceof Error ? (error.stack ?? reason) : reason)
    return { figures: [], curves: [], notes: [`${name} ${FAILED}: ${reason}`] }
  } finally {
    say(`took ${Math.round((performance.now() - startedAt) / 1_000)} s`)
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}
