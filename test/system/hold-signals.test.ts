import assert from 'node:assert/strict'
import { test } from 'node:test'

import { holdSignals } from '../../src/system/hold-signals.ts'

test('the first of the signals that came ends the process once the work is done', async (t) => {
  const kill = t.mock.method(process, 'kill', () => true)
  const told: boolean[] = []
  const work = async (stop: AbortSignal) => {
    told.push(stop.aborted)
    process.emit('SIGHUP', 'SIGHUP')
    process.emit('SIGTERM', 'SIGTERM')
    await Promise.resolve()
    told.push(stop.aborted)
    assert.equal(kill.mock.callCount(), 0)
  }
  const before = process.listenerCount('SIGHUP')
  await holdSignals(work)
  assert.deepEqual(told, [false, true])
  assert.deepEqual(
    kill.mock.calls.map((call) => call.arguments),
    [[process.pid, 'SIGHUP']],
  )
  assert.equal(process.listenerCount('SIGHUP'), before)
})

test('without a signal work gives what it gives, or throws', async (t) => {
  const kill = t.mock.method(process, 'kill', () => true)
  assert.equal(await holdSignals(() => Promise.resolve(3)), 3)
  await assert.rejects(
    holdSignals(() => Promise.reject(new Error('no'))),
    /^Error: no$/,
  )
  assert.equal(kill.mock.callCount(), 0)
})
