import assert from 'node:assert/strict'
import { test } from 'node:test'

import { route, type RouteContext } from '../../src/http/routes.ts'
import { HttpServer } from '../../src/http/server.ts'
import { gate } from '../support/gate.ts'
import { Connection } from './connection.ts'
import { LogRecorder } from './log-recorder.ts'

test('a client that goes takes its comparison of snapshots along', async (t) => {
  const [asked, ended] = [gate(), gate()]
  const snapshots = [2, 1].map((id) => ({ id, name: `2026-11-22-02-1${id}`, mirror: 'm' }))
  const context = {
    resolver: { peek: () => undefined },
    snapshots: {
      mirrors: async () => [{ name: 'm', current: snapshots[0] }],
      snapshots: async () => snapshots,
    },
    configuration: () => ({ error: undefined }),
    diff: async (_: unknown, signal: AbortSignal) => {
      signal.addEventListener('abort', () => ended.open())
      asked.open()
      await ended.opened
      throw signal.reason
    },
  } as unknown as RouteContext
  const log = new LogRecorder()
  const server = new HttpServer((exchange) => route(exchange, context), log.logger)
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => server.drain(0))
  const connection = await Connection.open(server.port)
  connection.ask('/api/v1/mirrors/m/diff')
  await asked.opened
  connection.close()
  await ended.opened
  const [line] = await log.waitFor('request')
  assert.deepEqual([line?.['outcome'], line?.['level']], ['aborted', 'info'])
})
