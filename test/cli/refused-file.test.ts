import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { pinyon } from './pinyon.ts'

test('a server whose file is refused is asked all the same, and says why it is', async (t) => {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: [{ name: 'a' }] })
  const mirrors = { m: { baseurl: `file://${root}/` } }
  const server = await startServer(t, { mirrors, synced: true })
  const run = (...args: readonly string[]) => pinyon([...args, '--config', server.configFile])
  const good = readFileSync(server.configFile, 'utf8')
  writeFileSync(server.configFile, good.replace('"off"', '"7x"'))
  server.process.kill('SIGHUP')
  while (!/^pinyon_config_ok 0$/m.test((await httpGet(`${server.url}/metrics`)).body.toString()));
  const refusal = /sync_interval: found "7x", expected a duration/
  const status = await run('status')
  assert.equal(status.code, 1)
  assert.match(status.stdout, refusal)
  assert.match(status.stdout, /^m +\d{4}-\S+ +1 /m)
  const snapshots = await run('snapshots', 'm')
  assert.deepEqual([snapshots.code, snapshots.stderr], [0, ''])
  // What edits the file is not done to one that is wrong.
  const unpin = await run('unpin', 'm')
  assert.equal(unpin.code, 1)
  assert.match(unpin.stderr, refusal)
  await server.kill()
  const later = await run('status')
  assert.deepEqual([later.code, later.stdout], [1, ''])
  assert.match(later.stderr, refusal)
})
