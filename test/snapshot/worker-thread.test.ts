import assert from 'node:assert/strict'
import { test } from 'node:test'

import { runCommand } from '../support/run-command.ts'

const PROGRAM = new URL('end-threads.ts', import.meta.url).pathname

test('a thread that is ended while it loads the library of databases takes nothing with it', async () => {
  const { code, stdout, stderr } = await runCommand(process.execPath, [PROGRAM, 'end'])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^(\d+) ended, [1-9]\d* while they loaded\n$/)
})

test('nor is a process that ends while one does', async () => {
  for (let at = 0; at < 15; at += 1) {
    const { code, stderr } = await runCommand(process.execPath, [PROGRAM, 'exit', String(at * 4)])
    assert.equal(code, 7, stderr)
  }
})
