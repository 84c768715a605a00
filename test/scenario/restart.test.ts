import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { MAIN } from '../cli/pinyon.ts'
import { freePort } from '../support/daemon.ts'
import { holdSocket } from '../support/hold-socket.ts'
import { httpGet } from '../support/http-get.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { findTool, needs } from '../support/tools.ts'

const CLIENTS = 8

function writeConfig(t: TestContext): string {
  const dir = tempDir(t)
  writeSyntheticRepository(join(dir, 'upstream'), { packages: [{ name: 'a' }] })
  const file = join(dir, 'pinyon.yaml')
  const mirrors = { m: { baseurl: 'file:upstream/' } }
  // What is configured does not count: it would be refused.
  writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:1', data_dir: './data', mirrors }))
  return file
}

test(
  'a restart refuses no connection where another process holds the socket',
  needs('python3'),
  async (t) => {
    const { url, restart } = await holdSocket(t, writeConfig(t))
    const index = `${url}/repos/yum/m/latest/repodata/repomd.xml`
    // Waits for the start, too: a connection that nobody accepts yet is no refused one.
    while ((await httpGet(index)).status === 503);
    const stop = new AbortController()
    const ask = async () => {
      let answers = 0
      for (; !stop.signal.aborted; answers++) {
        const { status, complete } = await httpGet(index)
        assert.deepEqual([status, complete], [200, true])
      }
      return answers
    }
    const clients = Promise.all(Array.from({ length: CLIENTS }, ask))
    for (let round = 0; round < 2; round++) {
      await restart()
      assert.equal((await httpGet(`${url}/healthz`)).status, 200)
    }
    stop.abort()
    assert.ok((await clients).every((answers) => answers > 0))
  },
)

const ACTIVATOR = findTool('systemd-socket-activate')

test(
  'systemd hands the socket over',
  { skip: ACTIVATOR === undefined && 'needs systemd-socket-activate' },
  async (t) => {
    const port = await freePort()
    const command = [process.execPath, MAIN, 'serve', '--config', writeConfig(t)]
    const child = spawn(
      ACTIVATOR ?? '',
      [`--listen=127.0.0.1:${port}`, '--setenv=PINYON_LOG=silent', ...command],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    t.after(() => child.kill('SIGKILL'))
    await once(child.stderr, 'data')
    assert.equal((await httpGet(`http://127.0.0.1:${port}/healthz`)).status, 200)
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [0, null])
  },
)
