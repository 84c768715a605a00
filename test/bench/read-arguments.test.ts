import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { firstComment, parseNumbers } from '../../bench/read-arguments.ts'

const ROOT = join(import.meta.dirname, '../..')
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>
}

test('numbers are whole, above zero, and no more than are asked for', () => {
  assert.deepEqual(parseNumbers(['30', '42'], 3), [30, 42])
  for (const args of [['0'], ['1.5'], ['-1'], ['many'], ['1', '2', '3', '4']])
    assert.throws(() => parseNumbers(args, 3), /^Error: it takes at most 3 whole numbers: /)
})

test('what a file begins with is told without what makes it a comment', () => {
  assert.equal(firstComment('/**\n * One,\n * two.\n */\nx\n/** other */'), 'One,\ntwo.')
  assert.equal(firstComment('/** One. */\nx'), 'One.')
})

describe('npm run', { concurrency: 2 }, () => {
  for (const [name, command] of Object.entries(scripts).filter(([one]) => one.startsWith('bench')))
    test(`${name} says what it is told with`, () => {
      const help = run(command, '--help')
      assert.equal(help.status, 0, help.stderr)
      assert.match(help.stdout, /npm run bench|node bench\//)
      assert.equal(help.stderr, '')
      // It reads a file of that name.
      if (name === 'bench:primary') return
      const wrong = run(command, '--wrong')
      assert.equal(wrong.status, 2, wrong.stdout)
      assert.match(wrong.stderr, /--wrong[^]*--help/)
    })
})

function run(command: string, argument: string) {
  const args = [...command.split(' ').slice(1), argument]
  return spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
}
