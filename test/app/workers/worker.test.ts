import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'

import type { FromWorker } from '../../../src/app/workers/messages.ts'
import { Worker } from '../../../src/app/workers/worker.ts'
import { Turns } from '../../../src/system/turns.ts'
import { tempDir } from '../../support/temp-dir.ts'

const REQUEST = 'GET /repos/yum/m/2016-12-13-13-30/a.rpm HTTP/1.1\r\nHost: h\r\n\r\n'

test('a worker that is to hand all back ends also when what waits for its turn then is the last', async (t) => {
  const server = createServer({ allowHalfOpen: true })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [served] = (await once(server, 'connection')) as [Socket]
  t.after(() => {
    for (const one of [client, served]) one.destroy()
    server.close()
  })
  const asked = Promise.withResolvers<() => void>()
  t.mock.method(Turns.prototype, 'call', asked.resolve)
  const done = Promise.withResolvers<void>()
  const said: FromWorker[] = []
  const task = { dataDir: tempDir(t), memoryBytes: 1 << 20, isLogged: false, trustedProxies: [] }
  const worker = new Worker(task, (message, _, written) => {
    said.push(message)
    written?.()
    if (message.kind === 'done') done.resolve()
  })
  worker.hear({ kind: 'take', id: 1, bytes: undefined }, served)
  client.write(REQUEST)
  const haveTurn = await asked.promise
  worker.hear({ kind: 'stop', graceMs: 60_000, handsBack: true }, undefined)
  assert.ok(!said.some(({ kind }) => kind === 'connection' || kind === 'done'))
  haveTurn()
  await done.promise
  const returned = said.flatMap((message) => (message.kind === 'connection' ? [message.bytes] : []))
  assert.deepEqual(returned, [Buffer.from(REQUEST)])
})
