import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'

import { watchEventLoop } from '../../src/system/event-loop-lag.ts'

/** Holds this thread up, in milliseconds. */
function holdUp(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

test('how late turns begin is told, each once: and what held them up is in it', async () => {
  const seen: number[] = []
  const stop = watchEventLoop({ observe: (seconds) => seen.push(seconds) })
  for (let times = 0; times < 3; times += 1) {
    holdUp(400)
    // Until a turn has looked for timers.
    for (let turn = 0; turn < 3; turn += 1) await nextTurn()
  }
  stop()
  const told = [...seen]
  // A machine that stands still meanwhile adds some of its own.
  assert.ok(told.filter((seconds) => seconds > 0.25 && seconds < 10).length >= 2, told.join(' '))
  stop()
  assert.deepEqual(seen, told)
})
