import assert from 'node:assert/strict'
import { mock, test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { ownMemory, trimWhenIdle, type OwnMemory } from '../../src/system/idle-memory.ts'

const LOOK_MS = 2_000
const MIB = 1 << 20

/** A process with some heap that can be busy: a collection leaves what is in use. */
class FakeMemory implements OwnMemory {
  busy = 0
  usedMib = 20
  totalMib = 60
  collections = 0

  busyPart(): number {
    return this.busy
  }

  heap() {
    return { usedBytes: this.usedMib * MIB, totalBytes: this.totalMib * MIB }
  }

  collect(): void {
    this.collections += 1
    this.totalMib = this.usedMib
  }
}

/** Of this heap's young generation, used or not. */
function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0
}

function look(t: TestContext, memory: FakeMemory): (looks: number) => number {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(trimWhenIdle(memory))
  t.after(() => mock.timers.reset())
  return (looks) => {
    for (let count = 0; count < looks; count += 1) mock.timers.tick(LOOK_MS)
    return memory.collections
  }
}

test('what a start has left is given back once nothing was done for two looks in a row', (t) => {
  const memory = new FakeMemory()
  const after = look(t, memory)
  memory.busy = 0.3
  assert.equal(after(5), 0)
  memory.busy = 0.01
  assert.equal(after(1), 0)
  memory.busy = 0.3
  assert.equal(after(1), 0)
  memory.busy = 0
  assert.equal(after(1), 0)
  assert.equal(after(1), 1)
})

test('who stays idle is not held up again, until there is something to give back', (t) => {
  const memory = new FakeMemory()
  const after = look(t, memory)
  assert.equal(after(400), 1)
  memory.totalMib = 27
  assert.equal(after(400), 1)
  memory.totalMib = 28
  assert.equal(after(1), 2)
})

test('what a busy time has left is kept for the next one, unless that is ten minutes away', (t) => {
  const memory = new FakeMemory()
  const after = look(t, memory)
  assert.equal(after(2), 1)
  for (let pause = 0; pause < 3; pause += 1) {
    memory.busy = 0.3
    memory.totalMib = 60
    assert.equal(after(1), 1)
    memory.busy = 0
    assert.equal(after(299), 1)
  }
  assert.equal(after(1), 2)
  memory.busy = 0.3
  memory.totalMib = 60
  assert.equal(after(1), 2)
  memory.busy = 0
  assert.equal(after(299), 2)
})

test('a heap that takes long is left alone', (t) => {
  const memory = new FakeMemory()
  const after = look(t, memory)
  memory.usedMib = 97
  memory.totalMib = 300
  assert.equal(after(100), 0)
  memory.usedMib = 96
  assert.equal(after(1), 1)
})

test('it ends when told to', (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const memory = new FakeMemory()
  trimWhenIdle(memory)()
  mock.timers.tick(LOOK_MS * 10)
  assert.equal(memory.collections, 0)
})

test("this process's garbage goes, and with it what was held for more; what is used stays", () => {
  const memory = ownMemory()
  const kept = Array.from({ length: 1_000 }, (_, number) => ({ number }))
  let garbage: unknown[] | undefined = Array.from({ length: 600_000 }, (_, number) => ({
    number,
    more: [number],
  }))
  const before = memory.heap()
  const young = youngBytes()
  assert.ok(before.usedBytes > 40 * MIB, `${before.usedBytes}`)
  garbage = undefined
  memory.collect()
  const after = memory.heap()
  assert.ok(before.totalBytes - after.totalBytes > 30 * MIB, JSON.stringify({ before, after }))
  assert.equal(kept.at(-1)?.number, 999)
  assert.equal(garbage, undefined)
  // V8 keeps that at another collection, whatever is in it.
  assert.ok(young > 4 * youngBytes(), `${young} ${youngBytes()}`)
  assert.equal('gc' in globalThis, false)
  assert.equal(runInNewContext('typeof gc'), 'undefined')
})

test('how busy a thread was is told since the last time', async () => {
  const memory = ownMemory()
  await setImmediate()
  memory.busyPart()
  const endMs = performance.now() + 20
  while (performance.now() < endMs);
  const part = memory.busyPart()
  assert.ok(part > 0.5 && part <= 1, `${part}`)
})
