import { test } from 'node:test'

import { extent } from '../../support/extent.ts'
import { killEverywhere, PHASES, type Phase } from './crash.ts'
import { startFarm } from './farm.ts'
import { CrashingCommands, SHELLS } from './run-client.ts'

/** Commands at which much is half done: files are being replaced, undone, or given up. One for each shell. */
const MOMENTS: Readonly<Record<Phase, readonly number[]>> = {
  begin: [150, 190, 205],
  'begin-again': [60, 110, 390],
  rollback: [40, 90, 150],
  commit: [13, 15, 18],
}

test(`a client that is killed leaves nothing that a rollback does not give back (npm run crash:client: everywhere)`, async (t) => {
  const farm = await startFarm(t)
  const commands = new CrashingCommands(farm.scratch)
  for (const [index, shell] of SHELLS.slice(0, extent({ full: SHELLS.length, slice: 1 })).entries())
    for (const [offset, phase] of PHASES.entries()) {
      const when = (index + offset) % 2 === 0 ? 'before' : 'after'
      // What an earlier begin has left is undone by a process of its own, which goes on for a while.
      const alone = phase === 'begin-again'
      const first = MOMENTS[phase][index] ?? 1
      await killEverywhere(farm, commands, { phase, shell, when, alone, first, kills: 1 })
    }
})
