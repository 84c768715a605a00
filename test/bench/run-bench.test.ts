import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { readResult } from '../../bench/report/result.ts'
import { mustRun, runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const BENCH = new URL('../../bench/', import.meta.url).pathname

test('the benchmark runs, tells and keeps what it measured, and finds a result no worse than itself', async (t) => {
  const output = join(tempDir(t), 'result')
  // Of no peer: pinyon alone.
  const args = ['--quick', '--only', 'stampede', '--peers', 'none', '--seed', '3', '--output', output]
  const { stdout } = await mustRun(process.execPath, [join(BENCH, 'main.ts'), ...args])
  assert.match(stdout, /stampede: 50 clients, 2 MB\n +pinyon +until all have it/)
  assert.ok(existsSync(`${output}.svg`))
  const { figures, seed } = readResult(`${output}.json`)
  assert.equal(seed, 3)
  const values = Object.fromEntries(figures.map(({ measure, value }) => [measure, value.median]))
  assert.equal(values['upstream requests'], 1)
  assert.equal(values['served right'], 50)
  const compared = await runCommand(process.execPath, [
    join(BENCH, 'compare.ts'),
    `${output}.json`,
    `${output}.json`,
  ])
  assert.equal(compared.code, 0, compared.stdout + compared.stderr)
  assert.match(compared.stdout, /2 figures compared with .*, 0 are worse/)
})

test('what is asked for wrongly is told, and nothing is run', async () => {
  const { code, stderr } = await runCommand(process.execPath, [join(BENCH, 'main.ts'), '--only', 'warm'])
  assert.equal(code, 2)
  assert.match(stderr, /--only takes scenarios of hot, .*: warm/)
})
