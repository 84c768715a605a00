import assert from 'node:assert/strict'
import { test } from 'node:test'

import { fuzzPlainAnswers } from '../../fuzz/plain-answers.ts'

/** A slice of `npm run fuzz`, the same every time. */
const CASES = 2_500
const SEED = 20_161_213

test('whatever a server sends, simple answers are read as undici reads them', async () => {
  const { kinds } = await fuzzPlainAnswers({ cases: CASES, seed: SEED })
  assert.ok(kinds >= 40, `${kinds} kinds of outcomes`)
})
