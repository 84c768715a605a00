import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assert as assertProperty, dictionary, jsonValue, property, string } from 'fast-check'

import { toPrettyLine } from '../../src/system/pretty-line.ts'

const LINE = {
  level: 'warn',
  time: '2026-11-26T06:44:25.123Z',
  method: 'GET',
  target: '/repos/yum/m/',
  status: 502,
  outcome: 'error_upstream',
  ms: 12.5,
  reason: 'connection refused: "h"',
  note: { a: 1 },
  msg: 'request',
}

test('a line for people has time, level and message first, and every other fact by its name', () => {
  assert.equal(
    toPrettyLine(`${JSON.stringify(LINE)}\n`, false),
    '06:44:25.123 WARN  request GET /repos/yum/m/ 502 error_upstream ms=12.5 reason="connection refused: \\"h\\"" note={"a":1}\n',
  )
  const colored = toPrettyLine(JSON.stringify(LINE), true)
  assert.ok(colored.startsWith('\u001b[2m06:44:25.123\u001b[0m \u001b[33mWARN '), colored)
})

test('whatever others have written stays on its line, and does nothing to the terminal', () => {
  const hostile = '\u001b]0;owned\u0007\r\n\u202egnp.exe\u009b31m'
  const shown = toPrettyLine(JSON.stringify({ ...LINE, target: hostile }), false)
  assert.match(shown, /GET \\u\{1b\}\]0;owned\\u\{7\}\\u\{d\}\\u\{a\}\\u\{202e\}gnp\.exe\\u\{9b\}31m 502/)
  const text = string({ unit: 'binary', maxLength: 40 })
  assertProperty(
    property(dictionary(text, jsonValue({ stringUnit: 'binary' })), text, (fields, raw) => {
      for (const line of [JSON.stringify({ ...LINE, ...fields }), raw]) {
        const pretty = toPrettyLine(line, false)
        assert.match(pretty, /^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]*\n$/u)
        assert.ok(pretty.isWellFormed())
      }
    }),
  )
})
