import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from './run-command.ts'
import { tempDir } from './temp-dir.ts'

const TESTS = `
import { describe, test } from 'node:test'
describe('a suite', () => {
  test('is broken', () => { throw new Error('the outer', { cause: new Error('the inner') }) })
  test('is well', () => {})
})
`

test('what failed is told once more in the end, and nothing where all is well', async (t) => {
  const file = join(tempDir(t), 'one.test.mjs')
  writeFileSync(file, TESTS)

  const told = await tell(file)
  assert.match(
    told,
    /^\n== failed: 1\n\n-- .*one\.test\.mjs:4: is broken \(after \d+ ms\)\nError: the outer\n/,
  )
  assert.match(told, /\[cause\]: Error: the inner/)

  writeFileSync(file, TESTS.replace("throw new Error('the outer'", "new Error('the outer'"))
  assert.equal(await tell(file), '')
})

async function tell(file: string): Promise<string> {
  const reporter = new URL('failures-reporter.ts', import.meta.url).href
  // With the variable a run would take itself for a part of this one.
  const env = { NODE_TEST_CONTEXT: undefined }
  const { stdout } = await runCommand(
    process.execPath,
    ['--test', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', file],
    { env },
  )
  return stdout
}
