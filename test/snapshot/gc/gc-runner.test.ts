import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createLayout } from '../../../src/cache/layout.ts'
import { openDatabase } from '../../../src/snapshot/database.ts'
import { createGcRunner } from '../../../src/snapshot/gc/gc-runner.ts'
import { runCommand } from '../../support/run-command.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { ONE_DAY, PROCESS_ID } from './gc-place.ts'

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

test('a busy server gets the whole report of a large farm, long after it was sent', async (t) => {
  const dataDir = tempDir(t)
  const database = openDatabase(createLayout(dataDir).database)
  database.exec(`
    INSERT INTO mirror (id, name) VALUES (1, 'm');
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
    INSERT INTO snapshot (mirror_id, seq, name, created_at, fingerprint, package_count, package_bytes)
    SELECT 1, i, 'snapshot ' || i, 0, '', 0, 0 FROM n`)
  database.close()
  const running = createGcRunner({ dataDir, processId: PROCESS_ID })(
    {
      kind: 'collect',
      reconcile: false,
      rules: ONE_DAY,
      maxBytes: 1,
      neededBytes: 0,
      nowMs: 0,
      farmNowMs: 0,
      unlistedMs: 1,
    },
    { signal: new AbortController().signal, onRemoved: () => undefined, onDecided: () => undefined },
  )
  // Each turn of its loop takes this many milliseconds, and the socket between the two holds a part of the report.
  const word = new Int32Array(new SharedArrayBuffer(4))
  const busy = setInterval(() => Atomics.wait(word, 0, 0, 200), 1)
  t.after(() => clearInterval(busy))
  assert.equal((await running).snapshots.length, 10_000)
})
