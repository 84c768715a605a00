import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Signal } from '../../src/system/signal.ts'

test('a signal wakes everybody who waits, once each, and nobody who waits from then on', async () => {
  const signal = new Signal()
  const woken: string[] = []
  const wait = async (name: string) => {
    await signal.wait()
    woken.push(name)
  }
  const first = [wait('a'), wait('b')]
  signal.notify()
  const second = wait('c')
  await Promise.all(first)
  assert.deepEqual(woken, ['a', 'b'])
  signal.notify()
  await second
  signal.notify()
  assert.deepEqual(woken, ['a', 'b', 'c'])
})
