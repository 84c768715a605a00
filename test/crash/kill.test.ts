import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Random } from '../support/random.ts'
import { killLoop } from './kill-loop.ts'

const KILLS = 8
const SEED = 20_261_122

test(`after each of ${KILLS} kills during sync and fill every promise holds (npm run crash: 100)`, async (t) => {
  const report = await killLoop(t, KILLS, new Random(SEED))
  assert.equal(report.kills, KILLS)
  t.diagnostic(JSON.stringify(report))
})
