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
import { CallFarm } from './call-farm.ts'
import { POWER_LOSSES } from './disk-image.ts'
import { cutPowerAtCalls, killAtCalls, type CrashReport } from './every-call.ts'
import { SCENARIO_NAMES, scenarioOf, type ScenarioName } from './scenarios.ts'

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    when: { type: 'string', default: 'before' },
    'power-loss': { type: 'string', default: 'none' },
    seed: { type: 'string' },
    first: { type: 'string', default: '0' },
    share: { type: 'string' },
    samples: { type: 'string', default: '1' },
    at: { type: 'string' },
  },
})

// A disk in memory is one that no fsync holds up.
if (process.env['TMPDIR'] === undefined && existsSync('/dev/shm')) process.env['TMPDIR'] = '/dev/shm'
const cleanups: (() => unknown)[] = []
const context = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) } as unknown as TestContext
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const loss = chooseFrom('--power-loss', ['none', ...POWER_LOSSES], values['power-loss'])
const when = chooseFrom('--when', ['before', 'after'], values.when)

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
  for (const name of chooseScenarios()) {
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
    first: Number(values.first),
    ...(values.share === undefined ? {} : { share: Number(values.share) }),
    ...(values.at === undefined ? {} : { point: parsePoint(values.at) }),
    seed,
    onCrash: (what: string, broken: Error | undefined) =>
      process.stdout.write(broken === undefined ? `ok      ${what}\n` : `BROKEN  ${what}\n${broken.stack}\n`),
  }
  if (loss === 'none') return await killAtCalls(context, place, { ...choice, when })
  return await cutPowerAtCalls(context, place, { ...choice, loss, samples: Number(values.samples) })
}

function chooseScenarios(): ScenarioName[] {
  if (values.scenario !== undefined) return [chooseFrom('--scenario', SCENARIO_NAMES, values.scenario)]
  // Those with a kill of their own are about what a power cut then does.
  return SCENARIO_NAMES.filter((name) => loss !== 'none' || scenarioOf(name).killedAt === undefined)
}

/** A call as it is printed. */
function parsePoint(text: string): KillPoint {
  const [, key, ordinal] = /^(.+) #(\d+)$/.exec(text) ?? []
  if (key === undefined)
    throw new Error(`--at: expected a call such as 'fsync data/pinyon.db-wal #2'; found: ${text}`)
  return { key, ordinal: Number(ordinal), when }
}

function chooseFrom<const T extends string>(option: string, all: readonly T[], text: string): T {
  const found = all.find((one) => one === text)
  if (found === undefined) throw new Error(`${option}: expected one of ${all.join(', ')}; found: ${text}`)
  return found
}
