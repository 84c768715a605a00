import assert from 'node:assert/strict'
import { test } from 'node:test'

import { runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const CHILD = new URL('./gc-without-descriptors.ts', import.meta.url).pathname

test('a server that can open no more files fails to collect, and lives', async (t) => {
  const limited = `ulimit -n 64; exec "$0" "$@"`
  const { code, stdout, stderr } = await runCommand('sh', [
    '-c',
    limited,
    process.execPath,
    CHILD,
    tempDir(t),
  ])
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'NO_DESCRIPTORS', stderr: '' })
})
