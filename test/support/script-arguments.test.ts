import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { firstComment, parseAmount, parseNumbers } from './script-arguments.ts'

const ROOT = join(import.meta.dirname, '../..')
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>
}

/** Those of which whoever runs them chooses what they do. */
const SCRIPT = /node (?:bench\/|test\/\S*main\.ts)/

/** What would have had nothing to do, and have said that it went well. */
const WRONG: readonly (readonly [script: string, option: string, value: string])[] = [
  ['fuzz', '--target', 'href'],
  ['fuzz', '--cases', 'many'],
  ['fuzz', '--seed', '0x1'],
  ['crash', '--times', '0'],
  ['crash:calls', '--scenario', 'all'],
  ['crash:calls', '--first', 'second'],
  ['crash:client', '--phase', 'start'],
  ['crash:client', '--stride', '0'],
  ['soak', '--minutes', 'five'],
  ['soak', '--minutes', '0'],
]

test('numbers are whole, above zero, and no more than are asked for', () => {
  assert.deepEqual(parseNumbers(['30', '42'], 3), [30, 42])
  for (const args of [['0'], ['1.5'], ['-1'], ['many'], ['1', '2', '3', '4']])
    assert.throws(() => parseNumbers(args, 3), /^Error: it takes at most 3 whole numbers: /)
})

test('an amount may have a fraction, and is more than nothing', () => {
  assert.deepEqual(
    ['5', '0.25', String(20 / 60)].map((text) => parseAmount('--minutes', text)),
    [5, 0.25, 20 / 60],
  )
  for (const text of ['0', '0.0', '-1', '1e3', '.5', '5 ', ''])
    assert.throws(() => parseAmount('--minutes', text), /^Error: --minutes takes a number above 0: /)
})

test('what a file begins with is told without what makes it a comment', () => {
  assert.equal(firstComment('/**\n * One,\n * two.\n */\nx\n/** other */'), 'One,\ntwo.')
  assert.equal(firstComment('/** One. */\nx'), 'One.')
})

describe('npm run', { concurrency: 2 }, () => {
  for (const [name, command] of Object.entries(scripts).filter(([, one]) => SCRIPT.test(one)))
    test(`${name} says what it is told with`, () => {
      const help = run(command, '--help')
      assert.equal(help.status, 0, help.stderr)
      assert.match(help.stdout, /npm run |node bench\//)
      assert.equal(help.stderr, '')
      // It reads a file of that name.
      if (name === 'bench:primary') return
      const wrong = run(command, '--wrong')
      assert.equal(wrong.status, 2, wrong.stdout)
      assert.match(wrong.stderr, /--wrong[^]*--help/)
    })

  for (const [name, option, value] of WRONG)
    test(`${name} runs nothing with ${option}=${value}`, () => {
      const { status, stdout, stderr } = run(scripts[name] ?? '', `${option}=${value}`)
      assert.equal(status, 2, stdout)
      assert.equal(stdout, '')
      assert.match(stderr, new RegExp(`^${option} takes [^]*: ${value}\n`))
    })
})

function run(command: string, argument: string) {
  const args = [...command.replace(/^.*node (?=bench|test)/, '').split(' '), argument]
  return spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
}
