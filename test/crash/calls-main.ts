/**
 * `npm run crash:calls -- [--scenario NAME] [--when before|after] [--power-loss none|kept|strict|names|torn] [--seed S] [--first N] [--share N] [--samples N] [--at 'CALL #N']`:
 * kills a process at every call by which a scenario changes files, or cuts the power there, and checks each time that every promise holds. All
 * scenarios unless told, and all calls unless `--first` skips some, `--share` says how many in all, or `--at` names the one to kill at, as it is
 * printed. Prints a line for each crash, and ends with 1 when any promise was broken.
 */
import { existsSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { parseArgs } from 'node:util'

import { compileDiskCalls, type KillPoint } from '../support/disk-calls.ts'
import { chooseFrom, parseSeed, parseWhole, readArguments } from '../support/script-arguments.ts'
import { CallFarm } from './call-farm.ts'
import { POWER_LOSSES } from './disk-image.ts'
import { cutPowerAtCalls, killAtCalls, type CrashReport } from './every-call.ts'
import { SCENARIO_NAMES, scenarioOf, type ScenarioName } from './scenarios.ts'

const options = {
  scenario: { type: 'string' },
  when: { type: 'string', default: 'before' },
  'power-loss': { type: 'string', default: 'none' },
  seed: { type: 'string' },
  first: { type: 'string', default: '0' },
  share: { type: 'string' },
  samples: { type: 'string', default: '1' },
  at: { type: 'string' },
} as const
const { seed, loss, when, point, first, share, samples, scenarios } = readArguments(
  import.meta.filename,
  parseOptions,
)

// A disk in memory is one that no fsync holds up.
if (process.env['TMPDIR'] === undefined && existsSync('/dev/shm')) process.env['TMPDIR'] = '/dev/shm'
const cleanups: (() => unknown)[] = []
const context = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) } as unknown as TestContext

// Nothing runs on when somebody has seen enough.
let isStopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    isStopped = true
    void cleanUp().finally(() => process.exit(1))
  })

try {
  const library = await compileDiskCalls(context)
  if (library === undefined) throw new Error('no C compiler: there is no command cc')
  process.stdout.write(`seed ${seed}\n`)
  for (const name of scenarios) {
    const farm = await CallFarm.start(context, scenarioOf(name).bigBytes)
    const report = await crash({ farm, library }, name)
    const missed = report.missed === 0 ? '' : `, ${report.missed} not reached`
    process.stdout.write(
      `${name}: ${report.calls} calls, ${report.crashes} crashes${missed}, ${report.broken} with a promise broken\n`,
    )
    if (report.broken > 0) process.exitCode = 1
  }
} catch (error) {
  // What was cut short is no news.
  if (!isStopped) throw error
} finally {
  await cleanUp()
}

async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
}

async function crash(place: { farm: CallFarm; library: string }, name: ScenarioName): Promise<CrashReport> {
  const choice = {
    name,
    first,
    ...(share === undefined ? {} : { share }),
    ...(point === undefined ? {} : { point }),
    seed,
    onCrash: (what: string, broken: Error | undefined) =>
      process.stdout.write(broken === undefined ? `ok      ${what}\n` : `BROKEN  ${what}\n${broken.stack}\n`),
  }
  if (loss === 'none') return await killAtCalls(context, place, { ...choice, when })
  return await cutPowerAtCalls(context, place, { ...choice, loss, samples })
}

function parseOptions(args: readonly string[]) {
  const { values } = parseArgs({ args: [...args], options })
  const loss = chooseFrom('--power-loss', ['none', ...POWER_LOSSES], values['power-loss'])
  const when = chooseFrom('--when', ['before', 'after'], values.when)
  return {
    loss,
    when,
    seed: parseSeed(values.seed),
    first: parseWhole('--first', values.first),
    share: values.share === undefined ? undefined : parseWhole('--share', values.share, 1),
    samples: parseWhole('--samples', values.samples, 1),
    point: values.at === undefined ? undefined : parsePoint(values.at, when),
    scenarios: chooseScenarios(values.scenario, loss),
  }
}

function chooseScenarios(text: string | undefined, loss: string): ScenarioName[] {
  if (text !== undefined) return [chooseFrom('--scenario', SCENARIO_NAMES, text)]
  // Those with a kill of their own are about what a power cut then does.
  return SCENARIO_NAMES.filter((name) => loss !== 'none' || scenarioOf(name).killedAt === undefined)
}

/** A call as it is printed. */
function parsePoint(text: string, when: KillPoint['when']): KillPoint {
  const [, key, ordinal] = /^(.+) #(\d+)$/.exec(text) ?? []
  if (key === undefined) throw new Error(`--at takes a call such as 'fsync data/pinyon.db-wal #2': ${text}`)
  return { key, ordinal: Number(ordinal), when }
}
