import assert from 'node:assert/strict'
import { test } from 'node:test'

import { AskedNames } from '../../../src/snapshot/usage/asked-names.ts'

const HOUR_MS = 3_600_000

test('a name is to be stored once an hour, for each mirror', () => {
  const names = new AskedNames()
  for (let at = 0; at < HOUR_MS; at += 60_000) names.note(1, 'bash', at)
  names.note(2, 'bash', 5)
  assert.deepEqual(names.take(), [
    { mirrorId: 1, name: 'bash', askedAt: 0 },
    { mirrorId: 2, name: 'bash', askedAt: 5 },
  ])
  assert.deepEqual(names.take(), [])
  names.note(1, 'bash', HOUR_MS)
  assert.deepEqual(names.take(), [{ mirrorId: 1, name: 'bash', askedAt: HOUR_MS }])
})

test('what could not be stored is stored with what came later', () => {
  const names = new AskedNames()
  names.note(1, 'a', 1)
  const taken = names.take()
  names.note(1, 'b', 2)
  names.putBack(taken)
  assert.deepEqual(
    names.take().map(({ name }) => name),
    ['a', 'b'],
  )
})

test('a clock that was set back does not keep names from being stored', () => {
  const names = new AskedNames()
  names.note(1, 'a', 10 * HOUR_MS)
  names.note(1, 'a', 0)
  assert.equal(names.take().length, 2)
})

test('memory is bounded, whatever an upstream lists and a client asks for', () => {
  const names = new AskedNames()
  for (let number = 0; number < 300_000; number += 1) names.note(number % 7, `name-${number}`, number)
  assert.equal(names.take().length, 100_000)
  names.note(1, 'after', 1)
  assert.equal(names.take().length, 1)
})
