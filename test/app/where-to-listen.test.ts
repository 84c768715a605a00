import assert from 'node:assert/strict'
import { test } from 'node:test'

import { whereToListen } from '../../src/app/where-to-listen.ts'

const CONFIGURED = { host: '127.0.0.1', port: 8080 }
const PID = String(process.pid)

test('the socket that was handed over to this process comes before the configured address', () => {
  assert.deepEqual(whereToListen(CONFIGURED, { LISTEN_PID: PID, LISTEN_FDS: '1' }), { fd: 3 })
  assert.deepEqual(whereToListen(CONFIGURED, {}), CONFIGURED)
  // What a parent got is not its children's.
  assert.deepEqual(whereToListen(CONFIGURED, { LISTEN_PID: '1', LISTEN_FDS: '1' }), CONFIGURED)
  assert.deepEqual(whereToListen(CONFIGURED, { LISTEN_PID: PID, LISTEN_FDS: '0' }), CONFIGURED)
  assert.deepEqual(whereToListen(CONFIGURED, { LISTEN_PID: PID, LISTEN_FDS: 'x' }), CONFIGURED)
})
