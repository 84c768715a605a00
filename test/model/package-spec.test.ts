import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isMeant } from '../../src/model/package-spec.ts'

const PACKAGE = {
  name: 'python3-libs',
  epoch: '1',
  version: '3.9.2',
  release: '4.el9',
  arch: 'x86_64',
  href: 'Packages/p/python3-libs-3.9.2-4.el9.x86_64.rpm',
}

for (const spec of [
  'python3-libs',
  'python3-libs.x86_64',
  'python3-libs-3.9.2',
  'python3-libs-3.9.2-4.el9',
  'python3-libs-3.9.2-4.el9.x86_64',
  'python3-libs-1:3.9.2-4.el9',
  'python3-libs-1:3.9.2-4.el9.x86_64',
  'python3-libs-3.9.2-4.el9.x86_64.rpm',
  'Packages/p/python3-libs-3.9.2-4.el9.x86_64.rpm',
  'python*',
  '*libs*',
  'python?-*-3.9.2-*',
  '*',
])
  test(`${spec} means it`, () => assert.equal(isMeant(spec, PACKAGE), true))

for (const spec of [
  'python3',
  'python3-libs.i686',
  'libs',
  'python3-libs-2:3.9.2-4.el9',
  'Python3-libs',
  '',
  '?',
  'python3-libs?',
])
  test(`${JSON.stringify(spec)} does not`, () => assert.equal(isMeant(spec, PACKAGE), false))

test('a pattern made to be slow is not', () => {
  const startedAt = performance.now()
  assert.equal(isMeant(`${'*a'.repeat(140)}b`, { ...PACKAGE, name: 'a'.repeat(4_000) }), false)
  assert.ok(performance.now() - startedAt < 20_000)
})
