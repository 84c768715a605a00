import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { assert as assertProperty, constantFrom, property, string } from 'fast-check'

import { isFilePattern, parseFilePattern } from '../../src/model/file-pattern.ts'

describe('patterns of files', () => {
  test('are of one directory, and as in a shell', () => {
    const { directory, fits } = parseFilePattern('boot/x86_64/loader/*.im?') ?? assert.fail()
    assert.equal(directory, 'boot/x86_64/loader/')
    for (const name of ['a.img', '.im1', 'a.b.imx']) assert.equal(fits(name), !name.startsWith('.'), name)
    for (const name of ['a.im', 'a.img2', 'img']) assert.equal(fits(name), false, name)
    assert.equal(parseFilePattern('.tree*')?.fits('.treeinfo'), true)
    assert.equal(parseFilePattern('RPM-GPG-KEY-*')?.directory, '')
    for (const path of ['*/a', 'a?/b*', 'a/']) assert.equal(parseFilePattern(path), undefined, path)
    assert.deepEqual([isFilePattern('a/b'), isFilePattern('a/b*')], [false, true])
  })

  test('fit what a regular expression does', () => {
    const letters = string({ unit: constantFrom('a', 'b', '.'), maxLength: 12 })
    const patterns = string({ unit: constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 8 })
    assertProperty(
      property(patterns, letters, (pattern, name) => {
        const oracle = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')
        assert.equal(parseFilePattern(pattern)?.fits(name), oracle.test(name) && !name.startsWith('.'))
      }),
      { numRuns: 2_000 },
    )
  })

  test('of many stars take no longer than their text is long', () => {
    const { fits } = parseFilePattern(`${'*a'.repeat(100)}b`) ?? assert.fail()
    const startedAt = performance.now()
    assert.equal(fits('a'.repeat(4_000)), false)
    assert.ok(performance.now() - startedAt < 20_000)
  })
})
