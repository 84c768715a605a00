import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isViewName } from '../../src/model/view-name.ts'

test('what a job may call its view', () => {
  for (const name of [
    'a',
    '0',
    'jenkins-ovirt-engine_master-4711',
    'A.b-c_d',
    'a'.repeat(128),
    '__proto__'.slice(2),
  ])
    assert.ok(isViewName(name), name)
  for (const name of ['', '-a', '.a', '_a', '..', 'a b', 'a/b', 'a\n', 'a\0', 'é', 'a%20', 'a'.repeat(129)])
    assert.ok(!isViewName(name), name)
})
