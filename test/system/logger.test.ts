import assert from 'node:assert/strict'
import { test } from 'node:test'

import { pino } from 'pino'

import { createRawLine, redactLine, redactUrl } from '../../src/system/logger.ts'

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

test('a raw line is what the log itself writes', () => {
  const lines: string[] = []
  const log = pino(
    { timestamp: () => ',"time":"then"', formatters: { level: (label) => ({ level: label }) } },
    { write: (line) => lines.push(line) },
  )
  for (const one of [log, log.child({ worker: 3 })]) {
    one.info({ a: 1, b: 'x' }, 'request')
    createRawLine(one, 'request')(',"a":1,"b":"x"')
  }
  assert.equal(lines.length, 4)
  assert.equal(lines[1], lines[0])
  assert.equal(lines[3], lines[2])
})

test('a line holds no credentials of a URL, and nothing of an Authorization header', () => {
  const cases = {
    '{"a":"get http://user:se@cret@host/a@b failed: Bearer abc.def-1"}\n':
      '{"a":"get http://***@host/a@b failed: Bearer ***"}\n',
    '{"a":"authorization: basic dXNlcg==","b":"x@y http://host/"}\n':
      '{"a":"authorization: basic ***","b":"x@y http://host/"}\n',
  }
  assert.deepEqual(Object.keys(cases).map(redactLine), Object.values(cases))
})
