import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import {
  expandSource,
  isSourceRpm,
  shortenSource,
  sourceName,
  sourceVersion,
} from '../../src/model/source-package.ts'

const someName = fc.constantFrom('kernel', 'gcc-c++', 'a', 'x.rpm', 'x.src.rpm', '', 'a-1-2.src.rpm')
const someVersion = fc.constantFrom('1', '5.14.0', '2~rc1', '')
const somePackage = fc.record({
  name: someName,
  epoch: fc.constantFrom('0', '1'),
  version: someVersion,
  release: someVersion,
  arch: fc.constantFrom('noarch', 'x86_64', 'src'),
})
const someSource = fc
  .tuple(someName, someVersion, someVersion, fc.constantFrom('src', 'nosrc'))
  .map(([name, version, release, arch]) => `${name}-${version}-${release}.${arch}.rpm`)
  .filter(isSourceRpm)

describe('a source package', () => {
  test('is told again from what is stored of it', () => {
    const property = fc.property(somePackage, someSource, (one, source) => {
      const stored = shortenSource({ ...one, source })
      assert.equal(expandSource(stored, one), source)
    })
    fc.assert(property, { seed: 20161213, numRuns: 2_000 })
  })

  test('costs nothing, or its name, where its version is the package’s', () => {
    const core = { name: 'kernel-core', epoch: '0', version: '5.14.0', release: '503.el9', arch: 'x86_64' }
    const cases = [
      ['kernel-core-5.14.0-503.el9.src.rpm', ''],
      ['kernel-5.14.0-503.el9.src.rpm', 'kernel'],
      ['kernel-5.14.0-502.el9.src.rpm', 'kernel-5.14.0-502.el9.src.rpm'],
      ['kernel-5.14.0-503.el9.nosrc.rpm', 'kernel-5.14.0-503.el9.nosrc.rpm'],
      [undefined, null],
    ] as const
    for (const [source, stored] of cases) assert.equal(shortenSource({ ...core, source }), stored)
  })

  test('is its own source, of which primary says nothing', () => {
    const itself = { name: 'kernel', epoch: '0', version: '1', release: '2', arch: 'src' }
    assert.equal(expandSource(null, itself), 'kernel-1-2.src.rpm')
    assert.equal(expandSource(null, { ...itself, arch: 'x86_64' }), undefined)
  })

  test('has a name and a version in its file name, and nothing else is one', () => {
    assert.equal(sourceName('gcc-toolset-14-gcc-14.2.1-7.el9.src.rpm'), 'gcc-toolset-14-gcc')
    assert.equal(sourceVersion('gcc-toolset-14-gcc-14.2.1-7.el9.src.rpm'), '14.2.1-7.el9')
    for (const file of ['', 'a', 'a-1.src.rpm', 'a-1-1.x86_64.rpm', '../a-1-1.src.rpm', 'a b-1-1.src.rpm'])
      assert.equal(isSourceRpm(file), false, file)
    assert.equal(isSourceRpm(`${'a'.repeat(300)}-1-1.src.rpm`), false, 'longer than any file name')
  })
})
