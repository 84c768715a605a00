import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { formatSize, parseSize } from '../../src/config/size.ts'

describe('sizes', () => {
  const read: [string, number][] = [
    ['0', 0],
    ['1048576', 1_048_576],
    ['1B', 1],
    ['1k', 1000],
    ['1KiB', 1024],
    ['1.5 GiB', 1_610_612_736],
    ['200GiB', 214_748_364_800],
    ['2TB', 2e12],
    ['1Pi', 2 ** 50],
  ]
  for (const [text, bytes] of read) test(`${text} is ${bytes}`, () => assert.equal(parseSize(text), bytes))

  for (const text of ['', 'GiB', '-1', '1e3', '1iB', '1 GiB ', '1XB', '9999999PiB', '0x10', '1GiBs'])
    test(`${JSON.stringify(text)} is none`, () => assert.equal(parseSize(text), undefined))

  test('what is written reads back', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => parseSize(formatSize(bytes)) === bytes),
      { seed: 2 },
    )
    assert.deepEqual([0, 5, 2048, 3 * 2 ** 30].map(formatSize), ['0B', '5B', '2KiB', '3GiB'])
  })
})
