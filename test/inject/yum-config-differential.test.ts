import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseYumConfig } from '../../src/inject/yum-config.ts'
import { unquoteYumValue } from '../../src/inject/yum-values.ts'
import { runCommand } from '../support/run-command.ts'
import { needs, SYSTEM_PYTHON } from '../support/tools.ts'

/** Sections with their keys and values, in order. */
type Reading = [id: string, values: [key: string, value: string][]][]

/** What both Python's ConfigParser, which yum 3's iniparse imitates, and dnf's own parser are fed with: a JSON list of files. */
const HEAD = `
import json, sys
files = json.load(sys.stdin)
def lines(value): return '\\n'.join(line for line in value.split('\\n') if line.strip()).strip()
readings = []
`

const CONFIG_PARSER = `${HEAD}
import configparser, io
for text in files:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_file(io.StringIO(text.encode().decode('utf-8-sig'), newline=None))
    readings.append([[s, [[k, lines(v)] for k, v in parser.items(s)]] for s in parser.sections()])
print(json.dumps(readings))
`

const LIBDNF = `${HEAD}
import os, tempfile, libdnf.conf
for text in files:
    with tempfile.NamedTemporaryFile('w', newline='', suffix='.repo') as file:
        file.write(text)
        file.flush()
        parser = libdnf.conf.ConfigParser()
        parser.read(file.name)
    readings.append([[s, [[k, lines(parser.getValue(s, k))] for k in parser.options(s)]] for s in parser.sections()])
print(json.dumps(readings))
`

function oneOf(characters: string): fc.Arbitrary<string> {
  return fc.constantFrom(...Array.from(characters))
}

const word = fc
  .string({ unit: oneOf('ab1.-_/:=#;%$"\'{}[(,ä大'), minLength: 1, maxLength: 8 })
  // What begins a comment or a header is none of a value's lines.
  .filter((text) => !/^[#;[]/.test(text))
const phrase = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('  '))
const blank = fc.constantFrom('', '\n', '# c\n', '; d = e\n', '#f=g\n\n')
const id = fc.string({ unit: oneOf('abC1.-_:@ä '), minLength: 1, maxLength: 6 })

/**
 * @param separators between key and value
 * @param within what may stand between the lines of a value
 */
const pair = (
  separators: readonly string[],
  within: fc.Arbitrary<string>,
  key: fc.Arbitrary<string>,
  first: fc.Arbitrary<string>,
) =>
  fc
    .record({
      key,
      separator: fc.constantFrom(...separators),
      first,
      others: fc.array(fc.tuple(within, fc.constantFrom(' ', '\t', '    '), phrase), { maxLength: 3 }),
      end: fc.constantFrom('', ' ', '\t '),
    })
    .map(({ key, separator, first, others, end }) => {
      const lines = others.map(([within, indentation, text]) => `${within}${indentation}${text}${end}\n`)
      return `${key}${separator}${first}${end}\n${lines.join('')}`
    })

const file = (entry: fc.Arbitrary<string>) =>
  fc
    .record({
      head: fc.tuple(fc.constantFrom('', '\ufeff'), blank).map((parts) => parts.join('')),
      sections: fc.array(fc.tuple(id, fc.array(fc.tuple(entry, blank), { maxLength: 4 })), { maxLength: 4 }),
      eol: fc.constantFrom('\n', '\r\n'),
      cut: fc.boolean(),
    })
    .map(({ head, sections, eol, cut }) => {
      const bodies = sections.map(([id, entries]) => `[${id}]\n${entries.flat().join('')}`)
      const text = (head + bodies.join('')).replaceAll('\n', eol)
      return cut ? text.replace(/\r?\n$/, '') : text
    })

async function compare(
  script: string,
  files: readonly string[],
  finish: (text: string) => string = (text) => text,
): Promise<void> {
  const { code, stdout, stderr } = await runCommand(SYSTEM_PYTHON, ['-c', script], {
    input: JSON.stringify(files),
  })
  assert.equal(code, 0, stderr)
  const expected = JSON.parse(stdout) as Reading[]
  assert.equal(expected.length, files.length)
  const isRich = (reading: Reading) =>
    reading.some(([, values]) => values.some(([, value]) => value.includes('\n')))
  assert.ok(expected.filter(isRich).length > files.length / 4)
  for (const [index, text] of files.entries()) {
    const { sections, problems } = parseYumConfig(Buffer.from(text))
    assert.deepEqual(problems, [], text)
    const found = sections.map(
      ({ id, values }) => [id, Array.from(values, ([key, { text }]) => [key, finish(text).trim()])] as const,
    )
    assert.deepEqual(sortKeys(found), sortKeys(expected[index] ?? []), text)
  }
}

/** Of a repeated key we remember the last place, they the first. */
function sortKeys(reading: readonly (readonly [string, readonly (readonly string[])[]])[]) {
  return reading.map(([id, values]) => [id, values.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))])
}

test(
  'reads what Python reads, colons, capitals and comments within values included',
  needs('python3'),
  async () => {
    const key = fc.string({ unit: oneOf('aBc1_.- ä'), minLength: 1, maxLength: 6 })
    const keys = key.map((text) => text.trim()).filter((text) => text !== '')
    const within = fc.constantFrom('', '', '\n', '# c\n', '  ; d\n')
    const first = fc.oneof(phrase, phrase, fc.constant(''))
    const entry = pair(['=', ' = ', ':', ':\t', ' ='], within, keys, first)
    await compare(CONFIG_PARSER, fc.sample(file(entry), { seed: 21, numRuns: 1000 }))
  },
)

test('reads what dnf reads, quotes around values included', needs('python3-libdnf'), async () => {
  const key = fc.string({ unit: oneOf('abc1_.-'), minLength: 1, maxLength: 6 })
  const quoted = fc.tuple(fc.constantFrom('"', "'"), phrase).map(([quote, text]) => quote + text + quote)
  const entry = pair(['=', ' = ', '=\t', ' ='], fc.constant(''), key, fc.oneof(phrase, phrase, quoted))
  await compare(LIBDNF, fc.sample(file(entry), { seed: 22, numRuns: 1000 }), unquoteYumValue)
})
