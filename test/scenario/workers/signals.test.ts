import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'

import { httpGet } from '../../support/http-get.ts'
import { childrenOf } from '../../support/processes.ts'
import { startServer } from '../../support/start-server.ts'

test('SIGUSR1 and SIGUSR2 of a whole group end no process and open no debugger', async (t) => {
  const settings = {
    listen: '127.0.0.1:0',
    data_dir: './data',
    sync_interval: 'off',
    workers: 2,
    mirrors: {},
  }
  let said = ''
  // Any port will do for a debugger: the usual one may be taken.
  const env = { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --inspect-port=0` }
  const onError = (text: string) => void (said += text)
  const server = await startServer(t, { text: JSON.stringify(settings), env, onError })
  const main = server.process.pid ?? 0
  let workers: number[] = []
  while (workers.length === 0) workers = childrenOf(main, 'worker-process')
  // Only what serves has said what it does at a signal.
  while (!/^pinyon_workers 2$/m.test((await httpGet(`${server.url}/metrics`)).body.toString()));
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const)
    for (const pid of [main, ...workers]) process.kill(pid, signal)
  assert.equal((await httpGet(`${server.url}/healthz`)).status, 200)
  assert.deepEqual(childrenOf(main, 'worker-process'), workers)
  server.process.kill('SIGTERM')
  assert.deepEqual(await once(server.process, 'close'), [0, null])
  assert.equal(said, '')
})
