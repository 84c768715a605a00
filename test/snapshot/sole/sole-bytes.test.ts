import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { openDatabase } from '../../../src/snapshot/database.ts'
import { findSoleBytes, type SoleRequest } from '../../../src/snapshot/sole/sole-bytes.ts'
import { GcPlace, ONE_DAY } from '../gc/gc-place.ts'

const DAY_MS = 86_400_000
const BOTH = [{ name: 'm' }, { name: 'n' }]

/** What is found, by name. */
function find(place: GcPlace, of: SoleRequest['of']): Record<string, number> {
  const database = openDatabase(place.layout.database)
  try {
    const { nowMs } = place
    return Object.fromEntries(
      findSoleBytes(database, { of, rules: ONE_DAY, nowMs, farmNowMs: place.store.farmClock.nowMs() }),
    )
  } finally {
    database.close()
  }
}

/** How many bytes a collection leaves. */
async function collected(place: GcPlace): Promise<number> {
  return (
    await place.collect({ unlistedMs: 0, nowMs: place.nowMs + 1, farmNowMs: place.store.farmClock.nowMs() })
  ).blobs.total.bytes
}

/** Opens a view of what is current, for as long as one can last. */
async function open(place: GcPlace, name: string): Promise<void> {
  await place.store.views.open(name, { client: '10.0.0.1', ttlMs: 14 * DAY_MS })
}

describe('what a view holds alone', () => {
  test('is what a collection frees once it has ended', async (t) => {
    const place = new GcPlace(t)
    await place.reconcile(BOTH)
    await place.publish('m', { alone: '1', stays: '1', 'in n': '1', cold: '1' })
    // Another path, the same bytes: only in the other mirror does it stay.
    await place.publish('n', { 'in n': '1' })
    for (const href of ['alone', 'stays', 'in n']) await place.cache(href, '1')
    await open(place, 'first')
    place.later(DAY_MS / 2)
    await place.publish('m', { second: '2', stays: '1' })
    await place.cache('second', '2')
    await open(place, 'twin a')
    await open(place, 'twin b')
    assert.deepEqual(
      find(place, 'views'),
      {},
      'what retention keeps, or another view holds, no view holds alone',
    )
    place.later(2 * DAY_MS)
    await place.publish('m', { third: '3', stays: '1' })
    await place.cache('third', '3')
    const before = await collected(place)
    const { first, ...others } = find(place, 'views')
    assert.deepEqual(others, {}, 'each of two that hold the same frees nothing')
    assert.ok(first !== undefined && first > 'alone 1'.length)
    await place.store.views.end('first')
    assert.equal(before - (await collected(place)), first)
    await place.store.views.end('twin a')
    const twin = find(place, 'views')['twin b']
    const between = await collected(place)
    await place.store.views.end('twin b')
    assert.equal(between - (await collected(place)), twin)
    assert.deepEqual(find(place, 'views'), {})
  })

  test('is all of a mirror that was removed long ago, but for what is elsewhere', async (t) => {
    const place = new GcPlace(t)
    await place.reconcile(BOTH)
    await place.publish('m', { a: '1', shared: '1' })
    await place.publish('n', { shared: '1' })
    for (const href of ['a', 'shared']) await place.cache(href, '1')
    await open(place, 'job')
    await place.reconcile([{ name: 'n' }])
    place.later(3 * DAY_MS)
    const before = await collected(place)
    const { job } = find(place, 'views')
    assert.ok(job !== undefined)
    await place.store.views.end('job')
    assert.equal(before - (await collected(place)), job)
  })
})

test('what a mirror holds alone is what a collection frees once it was removed', async (t) => {
  const place = new GcPlace(t)
  // Begins the farm's clock, against which the system's is held.
  await place.store.views.sweep()
  await place.reconcile(BOTH)
  await place.publish('m', { a: '1', shared: '1', cold: '1' })
  place.later(60_000)
  await place.publish('m', { a: '2', shared: '1' })
  await place.publish('n', { shared: '1', own: '1' })
  for (const [href, content] of [
    ['a', '1'],
    ['a', '2'],
    ['shared', '1'],
    ['own', '1'],
  ] as const)
    await place.cache(href, content)
  const before = await collected(place)
  const { m = 0, n = 0 } = find(place, 'mirrors')
  assert.ok(m > n && n > 'own 1'.length, `${m} ${n}`)
  await place.reconcile([{ name: 'n' }])
  place.later(3 * DAY_MS)
  assert.equal(before - (await collected(place)), m)
})
