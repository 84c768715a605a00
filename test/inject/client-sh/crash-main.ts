/**
 * `npm run crash:client -- [--shell S] [--phase P] [--when before|after] [--alone] [--stride N] [--first N]`: kills the slave's client before and after
 * each command that it runs, in every shell and phase unless told, and looks each time whether a rollback gives everything back.
 */
import type { TestContext } from 'node:test'
import { parseArgs } from 'node:util'

import { killEverywhere, PHASES } from './crash.ts'
import { startFarm } from './farm.ts'
import { CrashingCommands, SHELLS } from './run-client.ts'

const { values } = parseArgs({
  options: {
    shell: { type: 'string' },
    phase: { type: 'string' },
    when: { type: 'string' },
    alone: { type: 'boolean' },
    stride: { type: 'string' },
    first: { type: 'string' },
  },
})
const cleanups: (() => unknown)[] = []
const context = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) } as unknown as TestContext

try {
  const farm = await startFarm(context)
  const commands = new CrashingCommands(farm.scratch)
  for (const shell of SHELLS.filter((name) => (values.shell ?? name) === name))
    for (const phase of PHASES.filter((name) => (values.phase ?? name) === name))
      for (const when of (['before', 'after'] as const).filter((name) => (values.when ?? name) === name)) {
        const range = { first: Number(values.first ?? 1), stride: Number(values.stride ?? 1) }
        const report = await killEverywhere(farm, commands, {
          phase,
          shell,
          when,
          alone: values.alone === true,
          ...range,
        })
        process.stdout.write(
          `${shell}: ${phase} killed ${report.kills} times ${when} one of its ${report.commands ?? 0} commands\n`,
        )
      }
  process.stdout.write('everything was given back\n')
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup()
}
