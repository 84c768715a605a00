import assert from 'node:assert/strict'
import { test } from 'node:test'

import { formatReport } from './report.ts'
import { soak } from './soak.ts'

const SECONDS = 6
const SEED = 20_261_126

test(`${SECONDS} seconds of everything at once: every promise is kept (npm run soak: minutes)`, async (t) => {
  const report = await soak(t, SECONDS, SEED)
  t.diagnostic(formatReport(report))
  assert.equal(report.judge.violation, undefined)
  assert.ok((report.judge.checks.get('no wrong bytes') ?? 0) > 10)
})
