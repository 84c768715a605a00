import assert from 'node:assert/strict'
import { test } from 'node:test'

import { array, assert as assertProperty, integer, jsonValue, nat, property } from 'fast-check'

import { openLine, openLines, sealLine } from '../../../src/snapshot/inventory/sealed-lines.ts'

test('lines come back as they were written, whatever they hold', () => {
  assertProperty(
    property(array(jsonValue()), (values) => {
      const { values: opened, damaged } = openLines(values.map(sealLine).join(''))
      // JSON has no -0.
      assert.deepEqual(opened, JSON.parse(JSON.stringify(values)))
      assert.deepEqual(damaged, [])
    }),
  )
})

test('a line of which any byte is another, or that was cut, is damaged, and no other', () => {
  const lines = [{ a: 1 }, { b: 'zwei\t\n' }, { c: null }].map(sealLine)
  assertProperty(
    property(nat(1_000), integer({ min: 1, max: 255 }), (at, change) => {
      const bytes = Buffer.from(lines[1] ?? '')
      const index = at % (bytes.length - 1)
      bytes[index] = (bytes[index] ?? 0) ^ change
      // Another line break makes two lines of it.
      if (bytes[index] === 10) return
      const { values, damaged } = openLines([lines[0], bytes.toString(), lines[2]].join(''))
      assert.deepEqual([values, damaged], [[{ a: 1 }, { c: null }], [2]])
    }),
  )
  for (let length = 1; length < (lines[1]?.length ?? 0) - 1; length += 1)
    assert.equal(openLine((lines[1] ?? '').slice(0, length)), undefined)
})
