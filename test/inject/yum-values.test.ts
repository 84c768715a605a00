import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  parseYumBoolean,
  parseYumSeconds,
  splitYumList,
  unquoteYumValue,
} from '../../src/inject/yum-values.ts'

describe('values of yum and dnf', () => {
  test('booleans', () => {
    for (const text of ['1', 'yes', 'True', 'ON']) assert.equal(parseYumBoolean(text), true, text)
    for (const text of ['0', 'no', 'False', 'OFF']) assert.equal(parseYumBoolean(text), false, text)
    for (const text of ['', '2', 'y', 'true ', 'enabled', '01'])
      assert.equal(parseYumBoolean(text), undefined, text)
  })

  test('lists, whatever separates them', () => {
    assert.deepEqual(splitYumList('a, b\nc\td,,e ,\n'), ['a', 'b', 'c', 'd', 'e'])
    assert.deepEqual(splitYumList(' ,\n'), [])
  })

  test('seconds, with and without a unit', () => {
    const spans: [string, number | undefined][] = [
      ['30', 30],
      ['30.5', 30.5],
      ['90s', 90],
      ['5m', 300],
      ['2H', 7200],
      ['1d', 86_400],
      ['0', 0],
      ['-1', undefined],
      ['never', undefined],
      ['', undefined],
      ['1 m', undefined],
      ['1e3', undefined],
      ['1w', undefined],
    ]
    for (const [text, expected] of spans) assert.equal(parseYumSeconds(text), expected, text)
  })

  test('quotes around a whole value', () => {
    const values: [string, string][] = [
      ['"a"', 'a'],
      ["'a b'", 'a b'],
      ['""', ''],
      ['"', '"'],
      ['"a\'', '"a\''],
      ['a"', 'a"'],
      ['"a" "b"', 'a" "b'],
      ['', ''],
    ]
    for (const [text, expected] of values) assert.equal(unquoteYumValue(text), expected, text)
  })
})
