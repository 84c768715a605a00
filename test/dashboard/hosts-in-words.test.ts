import assert from 'node:assert/strict'
import { test } from 'node:test'

import { hostsInWords } from '../../src/dashboard/pages/usage-page.ts'

test('one host is a host', () => {
  assert.deepEqual([0, 1, 2].map(hostsInWords), ['0 hosts', '1 host', '2 hosts'])
})
