import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { formatAge, formatBytes, formatTable, toPrintable } from '../../src/cli/table.ts'

describe('tables', () => {
  test('have columns as wide as their widest cell', () => {
    assert.equal(
      formatTable([
        ['A', 'BB', ''],
        ['long', 'x', 'y'],
        ['', '', ''],
      ]),
      'A     BB\nlong  x   y\n\n',
    )
    assert.equal(formatTable([]), '')
  })

  const sizes: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    [1_536, '1.5 KiB'],
    [200 * 1_024, '200 KiB'],
    [5 * 2 ** 30, '5.0 GiB'],
    [3 * 2 ** 50, '3072 TiB'],
  ]
  for (const [bytes, shown] of sizes)
    test(`show ${bytes} bytes as ${shown}`, () => assert.equal(formatBytes(bytes), shown))

  const ages: readonly (readonly [number, string])[] = [
    [-5_000, '0 s ago'],
    [0, '0 s ago'],
    [119_000, '119 s ago'],
    [120_000, '2 min ago'],
    [7_200_000, '2 h ago'],
    [172_800_000, '2 d ago'],
  ]
  for (const [ms, shown] of ages)
    test(`show an age of ${ms} ms as ${shown}`, () =>
      assert.equal(formatAge(new Date(1e12 - ms).toISOString(), 1e12), shown))

  test('show what never was', () => assert.equal(formatAge(null, 0), 'never'))

  test('hold nothing that acts on a terminal', () => {
    assert.equal(
      toPrintable('a\u001b[31mb\u009b1Jc\nd\te\u0007\u202ef\u200bg\u2028h'),
      'a?[31mb?1Jc?d?e??f?g?h',
    )
    assert.equal(toPrintable('plain text, é, 日本語'), 'plain text, é, 日本語')
  })
})
