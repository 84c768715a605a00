/**
 * `npm run crash:client -- [--shell S] [--phase P] [--when before|after] [--alone] [--stride N] [--first N]`: kills the slave's client before and after
 * each command that it runs, in every shell and phase unless told, and looks each time whether a rollback gives everything back.
 */
import type { TestContext } from 'node:test'
import { parseArgs } from 'node:util'

import { chooseFrom, parseWhole, readArguments } from '../../support/script-arguments.ts'
import { killEverywhere, PHASES } from './crash.ts'
import { startFarm } from './farm.ts'
import { CrashingCommands, SHELLS } from './run-client.ts'

const WHENS = ['before', 'after'] as const
const options = {
  shell: { type: 'string' },
  phase: { type: 'string' },
  when: { type: 'string' },
  alone: { type: 'boolean', default: false },
  stride: { type: 'string', default: '1' },
  first: { type: 'string', default: '1' },
} as const
const { shells, phases, whens, series } = readArguments(import.meta.filename, parseOptions)
const cleanups: (() => unknown)[] = []
const context = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) } as unknown as TestContext

try {
  const farm = await startFarm(context)
  const commands = new CrashingCommands(farm.scratch)
  for (const shell of shells)
    for (const phase of phases)
      for (const when of whens) {
        const report = await killEverywhere(farm, commands, { phase, shell, when, ...series })
        process.stdout.write(
          `${shell}: ${phase} killed ${report.kills} times ${when} one of its ${report.commands ?? 0} commands\n`,
        )
      }
  process.stdout.write('everything was given back\n')
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup()
}

function parseOptions(args: readonly string[]) {
  const { values } = parseArgs({ args: [...args], options })
  return {
    shells: choose('--shell', SHELLS, values.shell),
    phases: choose('--phase', PHASES, values.phase),
    whens: choose('--when', WHENS, values.when),
    series: {
      alone: values.alone,
      first: parseWhole('--first', values.first, 1),
      stride: parseWhole('--stride', values.stride, 1),
    },
  }
}

/** All unless told. */
function choose<const T extends string>(
  option: string,
  all: readonly T[],
  text: string | undefined,
): readonly T[] {
  return text === undefined ? all : [chooseFrom(option, all, text)]
}
