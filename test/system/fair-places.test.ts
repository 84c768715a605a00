import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { FairPlaces } from '../../src/system/fair-places.ts'

const PATIENCE_MS = 1_000

/** Two places, at most five with those held for long, and whoever got one, in order. */
function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const settings = { limit: 2, most: 5 }
  const places = new FairPlaces({
    limit: () => settings.limit,
    most: () => settings.most,
    patienceMs: PATIENCE_MS,
  })
  const got: string[] = []
  const leave = new Map<string, () => void>()
  const ask = async (name: string, owner = name) => {
    leave.set(name, await places.take(owner))
    got.push(name)
  }
  return {
    settings,
    places,
    got,
    ask: (name: string, owner?: string) => void ask(name, owner),
    leave: (name: string) => leave.get(name)?.(),
    pass: async (ms: number) => {
      t.mock.timers.tick(ms)
      await nextTurn()
    },
  }
}

test('places are had in the order in which they were asked for, so many at a time', async (t) => {
  const { ask, leave, got, pass, places } = setUp(t)
  for (const name of ['a', 'b', 'c', 'd']) ask(name)
  await pass(0)
  assert.deepEqual(got, ['a', 'b'])
  leave('b')
  await pass(0)
  assert.deepEqual(got, ['a', 'b', 'c'])
  leave('a')
  leave('c')
  await pass(0)
  assert.deepEqual([got, places.taken], [['a', 'b', 'c', 'd'], 1])
})

test('what is held for long keeps nobody waiting but its owner, and is a place until it is given back', async (t) => {
  const { ask, leave, got, pass, places } = setUp(t)
  for (const name of ['a1', 'a2', 'a3']) ask(name, 'a')
  ask('b')
  await pass(PATIENCE_MS - 1)
  assert.deepEqual(got, ['a1', 'a2'])
  await pass(1)
  assert.deepEqual(got, ['a1', 'a2', 'b'])
  leave('a1')
  await pass(0)
  assert.deepEqual([got, places.taken], [['a1', 'a2', 'b', 'a3'], 3])
})

test('there are at most so many in all, however slow they are', async (t) => {
  const { ask, leave, got, pass } = setUp(t)
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) ask(name)
  for (let round = 0; round < 5; round += 1) await pass(PATIENCE_MS)
  assert.deepEqual(got, ['a', 'b', 'c', 'd', 'e'])
  leave('a')
  await pass(0)
  assert.equal(got.at(-1), 'f')
})

test('there is one for somebody when none is taken, and fewer from then on when there are to be', async (t) => {
  const { ask, leave, got, pass, settings } = setUp(t)
  for (const name of ['a', 'b']) ask(name)
  await pass(0)
  settings.limit = 1
  for (const name of ['c', 'd']) ask(name)
  leave('a')
  await pass(0)
  assert.deepEqual(got, ['a', 'b'])
  leave('b')
  await pass(0)
  assert.deepEqual(got, ['a', 'b', 'c'])
})
