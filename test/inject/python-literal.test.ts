import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { parsePythonLiterals } from '../../src/inject/python-literal.ts'
import { mustRun } from '../support/run-command.ts'
import { SYSTEM_PYTHON, needs } from '../support/tools.ts'

const read = (text: string) => Object.fromEntries(parsePythonLiterals(text))

test('the layout of all_latest.py is read, and none of Python is run', () => {
  assert.deepEqual(read("latest_ci_repos = {\n    'a-el7': 'http://h/a',\n    'b-el8': 'http://h/b',\n}\n"), {
    latest_ci_repos: { 'a-el7': 'http://h/a', 'b-el8': 'http://h/b' },
  })
  assert.deepEqual(read('latest_ci_repos = {\n}\n'), { latest_ci_repos: {} })
  assert.deepEqual(
    read(
      `# written by hand\nx = {"include:": ["http://h/i.json"], u'before:a': [('b', "c\\'\\x41")], } # end\ny=[None, True, False]`,
    ),
    { x: { 'include:': ['http://h/i.json'], 'before:a': [['b', "c'A"]] }, y: [null, true, false] },
  )
  assert.deepEqual(read("x = {'a': 'first', 'a': 'last'}"), { x: { a: 'last' } })
})

test('anything but literals is refused with its line', () => {
  const refused: readonly (readonly [text: string, message: RegExp])[] = [
    ["x = {\n 'a': open('/etc/passwd')\n}", /^line 2: expected a string/],
    ['import os\nx = {}', /^line 1: expected NAME = VALUE$/],
    ["x = {'a': 'b' 'c'}", /^line 1: expected a comma or }$/],
    ["x = {'a': 'b'\n", /^line 2: expected a comma or }$/],
    ["x = {'a': 'http://h", /expected a string/],
    ["x = {'a': f'{1}'}", /expected a string/],
    ["x = {'a': '\\N{DASH}'}", /a string without \\N/],
    ['x == {}', /NAME = VALUE/],
    ['x = [[[[[[]]]]]]', /at most 4 levels/],
    ["x = {'a': '''b'''}", /comma/],
    ["x = {'a': 1}", /expected a string/],
    ['x', /NAME = VALUE/],
    ['x = {} + y', /NAME = VALUE/],
  ]
  for (const [text, message] of refused)
    assert.throws(() => parsePythonLiterals(text), { name: 'SyntaxError', message }, text)
})

test(
  'what Python writes of strings, lists and dictionaries is read as it was',
  needs('python3'),
  async () => {
    const pairs = fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { maxLength: 3 })
    const map = fc.dictionary(
      fc.string({ unit: 'grapheme-ascii' }),
      fc.oneof(fc.string({ unit: 'binary-ascii' }), pairs),
    )
    const maps = fc.sample(map, { numRuns: 300, seed: 4 })
    const program = 'import json, sys\nfor m in json.load(sys.stdin): print(json.dumps("x = " + repr(m)))'
    const { stdout } = await mustRun(SYSTEM_PYTHON, ['-c', program], { input: JSON.stringify(maps) })
    const texts = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string)
    assert.equal(texts.length, maps.length)
    for (const [index, text] of texts.entries())
      assert.deepEqual(
        JSON.parse(JSON.stringify(read(text)['x'])),
        JSON.parse(JSON.stringify(maps[index])),
        text,
      )
  },
)

test('hostile texts take no more time than their length', () => {
  for (const text of [
    `x = {${"'a': 'b', ".repeat(100_000)}`,
    `x = {'${'\\x41'.repeat(100_000)}`,
    `x = ${'# \n'.repeat(200_000)}`,
  ])
    assert.throws(() => parsePythonLiterals(text), SyntaxError)
})
