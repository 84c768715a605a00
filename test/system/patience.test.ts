import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Patience } from '../../src/system/patience.ts'

test('what comes in time is had, and what does not is given up, the second time as the first', async () => {
  const patience = new Patience(1)
  const never = new Promise<string>(() => undefined)
  for (let times = 0; times < 2; times += 1) {
    assert.equal(await patience.within(Promise.resolve('now')), 'now')
    await assert.rejects(patience.within(Promise.reject(new Error('broken'))), /broken/)
    assert.equal(await patience.within(never), undefined)
  }
  patience.end()
})

test('one timer does for all, and is gone at the end', async (t) => {
  const made = t.mock.method(globalThis, 'setTimeout')
  const cleared = t.mock.method(globalThis, 'clearTimeout')
  const patience = new Patience(10_000)
  for (let times = 0; times < 3; times += 1) await patience.within(Promise.resolve())
  patience.end()
  const timers = made.mock.calls.map(({ result }) => result)
  assert.equal(timers.length, 1)
  assert.deepEqual(
    cleared.mock.calls.map(({ arguments: [timer] }) => timer),
    timers,
  )
})
