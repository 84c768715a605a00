import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { formatConfig } from '../../src/config/format.ts'
import { ConfigError } from '../../src/config/problem.ts'
import { ConfigFile } from './support.ts'

const WORDS = [
  'mirrors',
  'epel',
  'baseurl',
  'http://h/',
  'file:x',
  'timeout',
  '30',
  '5m',
  'off',
  'true',
  '__proto__',
  '7',
  'null',
]
const SIGNS = [
  '\n',
  '\n  ',
  '\n    ',
  ': ',
  ':',
  '- ',
  '? ',
  '{',
  '}',
  '[',
  ']',
  ',',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '!t ',
  '!!str ',
  '|',
  '>',
]
const OTHERS = [
  '\t',
  '\r\n',
  '%YAML 1.1\n',
  '---\n',
  '...\n',
  '<<',
  '${A}',
  '${B',
  '$${',
  '${N}',
  '@',
  '\0',
  '\u{feff}',
  '😀',
  '\ud800',
  '~',
]

describe('hostile text', () => {
  test('loads or is a ConfigError with lines, whatever it is', (t) => {
    const config = new ConfigFile(t)
    const text = fc.array(
      fc.oneof(fc.constantFrom(...WORDS, ...SIGNS, ...OTHERS), fc.string({ maxLength: 4 })),
      {
        maxLength: 40,
      },
    )
    let loaded = 0
    const property = fc.property(text, (parts) => {
      try {
        formatConfig(config.load(parts.join(''), { A: 'http://h/{', N: '7' }))
        loaded += 1
      } catch (thrown) {
        assert.ok(thrown instanceof ConfigError, String(thrown))
        assert.ok(thrown.problems.length > 0)
        for (const { line, found, expected } of thrown.problems) {
          assert.ok(line === undefined || line >= 1)
          assert.ok(found !== '' && expected !== '')
        }
        assert.equal(thrown.message.split('\n').length, thrown.problems.length)
      }
    })
    fc.assert(property, { seed: 3, numRuns: 2000 })
    assert.ok(loaded > 0)
  })

  test('a configuration with any value anywhere loads or is a ConfigError', (t) => {
    const config = new ConfigFile(t)
    const value = fc.jsonValue({ maxDepth: 2 })
    const mirror = fc.record(
      { baseurl: fc.oneof(value, fc.constant('http://h/')), timeout: value, proxy: value },
      { requiredKeys: [] },
    )
    const document = fc.record(
      { listen: value, data_dir: value, mirrors: fc.dictionary(fc.string({ maxLength: 5 }), mirror) },
      { requiredKeys: [] },
    )
    const property = fc.property(document, (written) => {
      try {
        config.load(JSON.stringify(written))
      } catch (thrown) {
        assert.ok(thrown instanceof ConfigError, String(thrown))
      }
    })
    fc.assert(property, { seed: 4, numRuns: 500 })
  })

  const MIB = 1024 * 1024
  const tooMuch: [string, string, string][] = [
    [
      'brackets',
      `a: ${'['.repeat(MIB)}`,
      '1: found one thing within another too often, expected at most 32 levels',
    ],
    [
      'dashes',
      `a:\n${'- '.repeat(MIB)}`,
      '2: found one thing within another too often, expected at most 32 levels',
    ],
    [
      'indentation',
      Array.from({ length: 40 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join(''),
      '33: found one thing within another too often, expected at most 32 levels',
    ],
    ['commas', `a: [${','.repeat(MIB)}]`, '1: found more than 200000 words and signs, expected fewer'],
    ['closing brackets', `\n${'}'.repeat(MIB)}`, '2: found more than 200000 words and signs, expected fewer'],
    ['mirrors', 'a: 1\n'.repeat(100_000), '28572: found more than 200000 words and signs, expected fewer'],
    [
      'aliases',
      `a: &a 1\nb: [${'*a,'.repeat(1001)}]`,
      '2: b[1000]: found more than 1000 aliases, expected fewer',
    ],
    [
      'aliases of aliases',
      Array.from({ length: 9 }, (_, level) => `${level}: &${level} [${`*${level - 1},`.repeat(9)}]\n`)
        .join('')
        .replaceAll('*-1', 'x'),
      '9: found aliases of aliases that multiply, expected a plain configuration file',
    ],
  ]
  for (const [name, text, expected] of tooMuch) {
    test(`too many ${name}`, { timeout: 20_000 }, (t) => {
      assert.deepEqual(new ConfigFile(t).problems(text), [`pinyon.yaml:${expected}`])
    })
  }

  test('more problems than anyone reads are cut', (t) => {
    const config = new ConfigFile(t)
    const keys = Array.from({ length: 300 }, (_, number) => `key${number}: 1\n`).join('')
    assert.equal(config.problems(keys).length, 100)
    assert.equal(config.problems('a: "b" c\n'.repeat(300)).length, 100)
  })

  test('a large farm is no trouble', (t) => {
    const mirrors = Array.from(
      { length: 5000 },
      (_, number) => `  m${number}: {baseurl: 'http://h/${number}/', timeout: 30s}\n`,
    )
    assert.equal(new ConfigFile(t).load(`mirrors:\n${mirrors.join('')}`).mirrors.size, 5000)
  })
})
