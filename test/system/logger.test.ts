import assert from 'node:assert/strict'
import { test } from 'node:test'

import { redactUrl } from '../../src/system/logger.ts'

test('a redacted URL holds neither user nor password', () => {
  const cases = {
    'http://user:secret@host/dir/': 'http://***@host/dir/',
    'https://token@host:8443/': 'https://***@host:8443/',
    'http://user:se@cret@host/a@b/': 'http://***@host/a@b/',
    'http://user:secret@host?a@b': 'http://***@host?a@b',
    'http://host/a@b/': 'http://host/a@b/',
    'file:///a@b/': 'file:///a@b/',
  }
  assert.deepEqual(Object.keys(cases).map(redactUrl), Object.values(cases))
})
