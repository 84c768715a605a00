import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { Turns } from '../../src/system/turns.ts'

describe('turns', () => {
  test('are given one at a time, in the order asked, none at once', async () => {
    const turns = new Turns(() => 0)
    const given: number[] = []
    for (let who = 0; who < 4; who += 1) void turns.take().then(() => given.push(who))
    await Promise.resolve()
    assert.deepEqual([given, turns.size], [[], 4])
    for (const expected of [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]) {
      await nextTurn()
      assert.deepEqual(given, expected)
    }
  })

  test('that were free for a while are given in the next one again', async () => {
    const turns = new Turns(() => 0)
    await turns.take()
    await nextTurn()
    let isGiven = false
    void turns.take().then(() => (isGiven = true))
    assert.ok(!isGiven)
    await nextTurn()
    assert.deepEqual([isGiven, turns.size], [true, 0])
  })

  test('hold as many pieces as take as long as all else did', async () => {
    let now = 0
    const turns = new Turns(() => now)
    const given: number[] = []
    const work = async (who: number) => {
      await turns.take()
      given.push(who)
      now += 4
    }
    const works = [0, 1, 2, 3, 4].map(work)
    // Others are dealt with for so long before the next turn comes.
    now += 10
    await nextTurn()
    assert.deepEqual(given, [0, 1, 2])
    await nextTurn()
    assert.deepEqual(given, [0, 1, 2, 3])
    await Promise.all(works)
    assert.deepEqual(given, [0, 1, 2, 3, 4])
  })

  test('are given in turn to who comes while others wait', async () => {
    const turns = new Turns(() => 0)
    const given: string[] = []
    const work = async (who: string) => {
      for (let piece = 0; piece < 3; piece += 1) {
        await turns.take()
        given.push(who)
      }
    }
    await Promise.all([work('a'), work('b')])
    assert.deepEqual(given, ['a', 'b', 'a', 'b', 'a', 'b'])
  })
})
