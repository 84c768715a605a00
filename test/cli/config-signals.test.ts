import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { tempDir } from '../support/temp-dir.ts'
import { findTool, needs } from '../support/tools.ts'
import { MAIN } from './pinyon.ts'

const UNPINNED = 'mirrors:\n  m:\n    baseurl: http://upstream.example/\n'
const PINNED = `${UNPINNED}    pin: 2026-11-22-02-13\n`

/** Where commands are that send a signal to who calls `cp`: a configuration file is being written beside. */
function pathWithSignal(t: TestContext, signal: string): string {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'cp'), `#!/bin/sh\nkill -${signal} $PPID\nexec ${findTool('cp')} "$@"\n`, {
    mode: 0o755,
  })
  return `${dir}:${process.env['PATH']}`
}

/** Options of Node by which a process gets a signal right after it has renamed something. */
function optionsWithSignal(signal: string): string {
  const script = `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const { renameSync } = fs
fs.renameSync = (from, to) => {
  renameSync(from, to)
  process.kill(process.pid, '${signal}')
}
syncBuiltinESMExports()`
  return `${process.env['NODE_OPTIONS'] ?? ''} --import=data:text/javascript,${encodeURIComponent(script)}`
}

/** What an unpinning that is ended by a signal leaves in the directory of the configuration. */
async function unpin(t: TestContext, env: Readonly<Record<string, string>>) {
  const cwd = tempDir(t)
  writeFileSync(join(cwd, 'pinyon.yaml'), PINNED)
  const child = spawn(process.execPath, [MAIN, 'unpin', 'm', '--config', 'pinyon.yaml'], {
    cwd,
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return { signal, names: readdirSync(cwd), text: readFileSync(join(cwd, 'pinyon.yaml'), 'utf8') }
}

describe('a signal ends a command that changes the configuration', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
    test(`with nothing changed, and nothing beside it: ${signal}`, needs('cp'), async (t) => {
      const left = await unpin(t, { PATH: pathWithSignal(t, signal.slice(3)) })
      assert.deepEqual(left, { signal, names: ['pinyon.yaml'], text: PINNED })
    })

  test('with the file changed once it is', async (t) => {
    const left = await unpin(t, { NODE_OPTIONS: optionsWithSignal('SIGTERM') })
    assert.deepEqual(left, { signal: 'SIGTERM', names: ['pinyon.yaml'], text: UNPINNED })
  })
})
