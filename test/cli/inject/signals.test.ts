import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { tempDir } from '../../support/temp-dir.ts'
import { findTool, needs } from '../../support/tools.ts'
import { MAIN } from '../pinyon.ts'
import { dataIndex, repoSection, startJob, type Job } from './job.ts'

const INDEX = dataIndex({ 'a-el9': 'http://mirrors.example.org/repos/yum/a-el9/2026-11-22-02-13' })
const OLD = repoSection('a-el9')
const FILES = Object.fromEntries(['a.repo', 'b.repo', 'c.repo', 'd.repo'].map((name) => [name, OLD]))

/** The signal that an injection into all of a job ended by. */
async function endOf(job: Job, env: Readonly<Record<string, string>>): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [MAIN, 'inject', '--index', INDEX, '.'], {
    cwd: job.dir,
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return signal
}

/** A PATH whose `cp` sends a signal to who calls it for the second file. */
function pathWithSignal(t: TestContext, signal: string): string {
  const dir = tempDir(t)
  const script = `#!/bin/sh
case "$*" in */b.repo*) kill -${signal} $PPID ;; esac
exec ${findTool('cp')} "$@"
`
  writeFileSync(join(dir, 'cp'), script, { mode: 0o755 })
  return `${dir}:${process.env['PATH']}`
}

/** Options of Node by which a process gets a signal right after it has renamed something to a name. */
function optionsWithSignal(signal: string, name: string): string {
  const script = `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const { renameSync } = fs
fs.renameSync = (from, to) => {
  renameSync(from, to)
  if (to.endsWith('/${name}') && from.endsWith('.new')) process.kill(process.pid, '${signal}')
}
syncBuiltinESMExports()`
  return `${process.env['NODE_OPTIONS'] ?? ''} --import=data:text/javascript,${encodeURIComponent(script)}`
}

describe('a signal ends an injection', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    test(`with all files as they were while they are written beside: ${signal}`, needs('cp'), async (t) => {
      const job = startJob(t, FILES)
      assert.equal(await endOf(job, { PATH: pathWithSignal(t, signal.slice(3)) }), signal)
      assert.deepEqual(job.tree(), FILES)
    })

    test(`with all files as they were while they are replaced: ${signal}`, async (t) => {
      const job = startJob(t, FILES)
      assert.equal(await endOf(job, { NODE_OPTIONS: optionsWithSignal(signal, 'b.repo') }), signal)
      assert.deepEqual(job.tree(), FILES)
    })
  }

  test('with all files replaced once the last one is', async (t) => {
    const job = startJob(t, FILES)
    assert.equal(await endOf(job, { NODE_OPTIONS: optionsWithSignal('SIGTERM', 'd.repo') }), 'SIGTERM')
    const tree = job.tree()
    assert.deepEqual(Object.keys(tree), Object.keys(FILES))
    for (const text of Object.values(tree)) assert.match(text, /^baseurl=http:\/\/mirrors\.example\.org\//m)
  })
})
