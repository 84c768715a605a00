import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sourceInWords } from '../../src/dashboard/pages/mirror-cards.ts'
import type { SourceReport } from '../../src/upstream/upstream.ts'

const UNASKED: SourceReport = {
  baseurl: 'http://upstream.example/',
  state: 'ok',
  failures: 0,
  retryInMs: 0,
  isSilent: false,
  isResting: false,
  error: undefined,
  isListed: false,
  latencyMs: undefined,
  bytesPerSecond: undefined,
  failureShare: 0,
}

test('a source that nobody has asked is not said to have given anything', () => {
  assert.equal(sourceInWords(UNASKED, 0), 'Was not asked since the server began.')
  assert.equal(sourceInWords({ ...UNASKED, latencyMs: 12 }, 0), 'Gave what it was asked for last.')
})
