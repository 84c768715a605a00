import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { escapeEnvironment, expandEnvironment, readPlain } from '../../src/config/environment.ts'

const ENV = { HOST: 'h.example.org', EMPTY: '', NESTED: '${HOST}', _a1: 'under' }

describe('expandEnvironment', () => {
  const expanded: [string, string][] = [
    ['', ''],
    ['plain', 'plain'],
    ['${HOST}', 'h.example.org'],
    ['http://${HOST}:${_a1}/', 'http://h.example.org:under/'],
    ['[${EMPTY}]', '[]'],
    ['${EMPTY:-else}', 'else'],
    ['${NONE:-else}', 'else'],
    ['${NONE:-}', ''],
    ['${HOST:-else}', 'h.example.org'],
    ['${NONE:-a:-b $HOST ]}', 'a:-b $HOST ]'],
    ['$${HOST}', '${HOST}'],
    ['$HOST $ $$ $1', '$HOST $ $$ $1'],
    // What a variable holds is data.
    ['${NESTED}', '${HOST}'],
  ]
  for (const [text, expected] of expanded) {
    test(`${JSON.stringify(text)} is ${JSON.stringify(expected)}`, () =>
      assert.deepEqual(expandEnvironment(text, ENV), { text: expected }))
  }

  for (const text of [
    '${',
    'a ${HOST',
    '${}',
    '${1A}',
    '${A-B}',
    '${HOST:=x}',
    '${ HOST }',
    '${A:-${HOST}}',
    '${${HOST}}',
  ]) {
    test(`${JSON.stringify(text)} is malformed`, () =>
      assert.deepEqual(expandEnvironment(text, ENV), {
        expected: '${NAME} or ${NAME:-default}, or $${ for a literal ${',
      }))
  }

  for (const name of ['NONE', 'constructor', '__proto__', 'toString']) {
    test(`${name} is not set`, () =>
      assert.deepEqual(expandEnvironment(`a \${${name}}`, ENV), {
        expected: `the environment variable ${name} to be set, or \${${name}:-default}`,
      }))
  }

  test('what is escaped expands to itself', () => {
    const texts = fc.string({ unit: fc.constantFrom('$', '{', '}', 'A', ':', '-') })
    fc.assert(
      fc.property(texts, (text) => {
        assert.deepEqual(expandEnvironment(escapeEnvironment(text), {}), { text })
      }),
      { seed: 2, numRuns: 1000 },
    )
  })
})

describe('readPlain', () => {
  const values: [string, unknown][] = [
    ['7', 7],
    ['-7.5', -7.5],
    ['1e3', 1000],
    ['.5', 0.5],
    ['true', true],
    ['False', false],
    ['', ''],
    ['null', 'null'],
    ['off', 'off'],
    ['0x10', '0x10'],
    ['7 ', '7 '],
    ['{a: 1}', '{a: 1}'],
    ['*a', '*a'],
  ]
  for (const [text, value] of values) {
    test(`${JSON.stringify(text)} is ${JSON.stringify(value)}`, () => assert.equal(readPlain(text), value))
  }
})
