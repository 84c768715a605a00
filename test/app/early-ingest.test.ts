import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { countScheduled, startEarly } from '../../src/app/early-ingest.ts'
import { createLayout } from '../../src/cache/layout.ts'
import { parseConfig } from '../../src/config/load.ts'
import { ReadyThread } from '../../src/snapshot/ready-thread.ts'
import { tempDir } from '../support/temp-dir.ts'

/** Of a file in a directory of its own. */
function configure(t: TestContext, mirrors: object) {
  const dir = tempDir(t)
  return parseConfig(
    join(dir, 'pinyon.yaml'),
    JSON.stringify({ listen: '127.0.0.1:0', data_dir: dir, mirrors }),
    {},
  )
}

const NOW = { baseurl: 'http://127.0.0.1:1/' }

test('counts what is synced at once: neither what is disabled nor what is never synced', (t) => {
  const disabled = { ...NOW, enabled: false }
  const never = { ...NOW, sync_interval: 'off' }
  assert.equal(countScheduled(configure(t, { a: NOW, b: disabled, c: never, d: NOW })), 2)
  assert.equal(countScheduled(configure(t, { b: disabled, c: never })), 0)
})

test('a thread is started where there is no database yet and something is to be synced', (t) => {
  const config = configure(t, { a: NOW })
  assert.equal(startEarly(config, 0), undefined)
  const early = startEarly(config, 1)
  assert.ok(early?.isStarted)
  early.release()
  assert.equal(early.isStarted, false)
  writeFileSync(createLayout(config.dataDir).database, '')
  assert.equal(startEarly(config, 1), undefined)
})

test('what waits for a job keeps no process from its end, what has one does', () => {
  const early = new ReadyThread()
  const before = countPorts()
  early.start()
  assert.equal(countPorts(), before)
  const worker = early.take()
  assert.equal(countPorts(), before + 1)
  void worker?.terminate()
})

/** Those that a process waits for. */
function countPorts(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length
}
