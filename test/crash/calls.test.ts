import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { compileDiskCalls, type KillPoint } from '../support/disk-calls.ts'
import { extent } from '../support/extent.ts'
import { CallFarm } from './call-farm.ts'
import type { PowerLoss } from './disk-image.ts'
import { cutPowerAtCalls } from './every-call.ts'
import { scenarioOf, type ScenarioName } from './scenarios.ts'

// A slice of `npm run crash:calls`, which stops a process at every call and cuts the power there.

const SEED = 20_261_126
/** Power cuts before each kill; one more is right at it. */
const CUTS = 1

const CRASHES: readonly (readonly [ScenarioName, PowerLoss, KillPoint])[] = [
  ['sync', 'torn', { key: 'fsync data/pinyon.db-wal', ordinal: 2, when: 'before' }],
  ['fill', 'torn', { key: 'rename data/blobs.v1/sha256/*/*', ordinal: 2, when: 'after' }],
  // Files of a snapshot are gone that was retired just before.
  ['gc', 'names', { key: 'unlink data/blobs.v1/sha256/*/*', ordinal: 3, when: 'before' }],
  // Between the old database and the new one there is none.
  ['rebuild', 'strict', { key: 'rename data/pinyon.db', ordinal: 1, when: 'before' }],
  ['verify', 'names', { key: 'rename data/quarantine/sha256-*', ordinal: 2, when: 'after' }],
  ['pin', 'strict', { key: 'rename pinyon.yaml', ordinal: 2, when: 'after' }],
]

describe('every promise holds', () => {
  for (const [name, loss, point] of CRASHES.slice(0, extent({ full: CRASHES.length, slice: 4 })))
    test(`of a ${name} that is killed at one of its calls, and of one whose power is cut before that`, async (t) => {
      const library = await compileDiskCalls(t)
      if (library === undefined) return t.skip('no C compiler')
      const farm = await CallFarm.start(t, scenarioOf(name).bigBytes)
      const choice = { name, point, loss, samples: 1, seed: SEED, share: CUTS } as const
      const { calls, crashes } = await cutPowerAtCalls(
        t,
        { farm, library },
        { ...choice, onCrash: refuseBroken },
      )
      t.diagnostic(`${crashes} power cuts at ${calls} calls`)
      assert.ok(crashes > 0)
    })
})

function refuseBroken(what: string, broken: Error | undefined): void {
  if (broken !== undefined) throw new Error(what, { cause: broken })
}
