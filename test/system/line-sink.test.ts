import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { LineSink } from '../../src/system/line-sink.ts'
import { runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const LINE_SINK = new URL('../../src/system/line-sink.ts', import.meta.url).href

test('lines arrive in order, those of a flush after those before it', (t) => {
  const file = join(tempDir(t), 'log')
  const descriptor = openSync(file, 'w')
  const sink = new LineSink(descriptor)
  const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index} ü\n`)
  for (const line of lines) sink.write(line)
  sink.flush()
  closeSync(descriptor)
  assert.equal(readFileSync(file, 'utf8'), lines.join(''))
})

test('lines that can wait come in order, and before one that cannot', async (t) => {
  const file = join(tempDir(t), 'log')
  const descriptor = openSync(file, 'w')
  t.after(() => closeSync(descriptor))
  const sink = new LineSink(descriptor)
  sink.add('first\n')
  sink.write('second\n')
  // Enough to be written without a timer.
  const line = `${'x'.repeat(999)}\n`
  for (let count = 0; count < 300; count += 1) sink.add(line)
  while (readFileSync(file).length < 300_013) await nextTurn()
  sink.add('last\n')
  sink.flush()
  assert.equal(readFileSync(file, 'utf8'), `first\nsecond\n${line.repeat(300)}last\n`)
})

test('a line that can wait is written by itself', async (t) => {
  const file = join(tempDir(t), 'log')
  const descriptor = openSync(file, 'w')
  t.after(() => closeSync(descriptor))
  new LineSink(descriptor).add('alone\n')
  while (readFileSync(file, 'utf8') === '') await nextTurn()
  assert.equal(readFileSync(file, 'utf8'), 'alone\n')
})

test('a descriptor that takes nothing costs lines, and neither time nor the process', async () => {
  // A process of its own, since what is to be shown is that it goes on and ends.
  const program = `
    const { LineSink } = await import(${JSON.stringify(LINE_SINK)})
    const { openSync } = await import('node:fs')
    const sink = new LineSink(openSync('/dev/full', 'w'))
    process.once('exit', () => sink.flush())
    for (let round = 0; round < 50; round += 1) {
      for (let line = 0; line < 5_000; line += 1) sink.write('x'.repeat(99) + '\\n')
      await new Promise((resolve) => setImmediate(resolve))
    }
    console.log('went on')`
  const { code, stdout } = await runCommand(process.execPath, ['--input-type=module', '--eval', program])
  assert.deepEqual([code, stdout], [0, 'went on\n'])
})
