import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import type { SnapshotStore } from '../../src/snapshot/store.ts'
import type { MachineClock } from '../../src/system/machine-clock.ts'
import { publishSimply } from '../snapshot/publish-simply.ts'
import { Machine } from '../support/machine.ts'
import { listed } from './pins-and-past.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A place where snapshots and views are kept. Each store that it opens sees what the others of the same place did. */
export interface ViewPlace {
  open(options: { readonly clock: MachineClock; readonly maxViews?: number }): SnapshotStore
}

/** The contract of a snapshot store's views. `open` gives a new, empty place that lasts as long as the test. */
export function describeViews(open: (t: TestContext) => ViewPlace): void {
  describe('the contract of views', () => {
    describeFreezing(open)
    describeTime(open)
    describeLists(open)
    describeLimit(open)
  })
}

/** A store with one published mirror on a machine of its own. */
async function openPublished(t: TestContext, open: (t: TestContext) => ViewPlace, maxViews?: number) {
  const place = open(t)
  const machine = new Machine()
  const options = { clock: machine.clock, ...(maxViews === undefined ? {} : { maxViews }) }
  const store = place.open(options)
  await store.reconcile(listed('m', 'n'), 0)
  await publishSimply(store)
  return { place, machine, store, views: store.views, another: () => place.open(options) }
}

const A = { client: '192.0.2.1' }
const B = { client: '2001:db8::1' }

function describeFreezing(open: (t: TestContext) => ViewPlace): void {
  test('nothing is frozen before something was published', async (t) => {
    const store = open(t).open({ clock: new Machine().clock })
    assert.equal(await store.views.open('job', A), 0)
    assert.deepEqual([await store.views.list(), await store.views.count()], [[], 0])
    await store.reconcile(listed('m'), 0)
    await publishSimply(store)
    assert.equal(await store.views.open('job', A), 1)
  })

  test('the first opening freezes, later ones repeat it; each name by itself', async (t) => {
    const { store, views } = await openPublished(t, open)
    assert.equal(await views.open('one', A), 1)
    await publishSimply(store)
    assert.deepEqual([await views.open('one', B), await views.open('two', B)], [1, 2])
    await publishSimply(store)
    assert.deepEqual([await views.open('one', A), await views.open('two', A)], [1, 2])
    assert.equal(await views.open('One', A), 3, 'letters have their case')
  })

  test('ending one lets the next opening freeze anew, and can be repeated', async (t) => {
    const { store, views } = await openPublished(t, open)
    await views.open('job', A)
    await publishSimply(store)
    assert.deepEqual(
      [await views.end('job'), await views.end('job'), await views.end('none')],
      [true, false, false],
    )
    assert.equal(await views.find('job'), undefined)
    assert.equal(await views.open('job', A), 2)
  })

  test('a renewal that finds its view ended freezes anew', async (t) => {
    const { store, machine, views } = await openPublished(t, open)
    await views.open('job', A)
    await publishSimply(store)
    machine.pass(1)
    const opened = views.open('job', B)
    assert.equal(await views.end('job'), true)
    assert.equal(await opened, 2)
    assert.equal((await views.find('job'))?.client, B.client)
  })

  test('openings at once, of one name and of many, in two stores, agree', async (t) => {
    const { store, views, another } = await openPublished(t, open)
    const other = another()
    const names = Array.from({ length: 600 }, (_, index) => `job-${index % 300}`)
    const opened = names.map((name, index) => (index % 2 === 0 ? views : other.views).open(name, A))
    const publishing = publishSimply(store)
    const generations = await Promise.all(opened)
    await publishing
    await publishSimply(other)
    for (const [index, name] of names.entries()) {
      assert.ok([1, 2].includes(generations[index] ?? 0))
      assert.equal(generations[index], generations[names.indexOf(name)], name)
      assert.equal(await other.views.open(name, A), generations[index], name)
    }
    assert.equal(await views.count(), 300)
  })

  test('a view is still there when the store is opened again', async (t) => {
    const { store, views, another } = await openPublished(t, open)
    await views.open('job', { ...A, ttlMs: HOUR_MS })
    await publishSimply(store)
    await store.close()
    const again = another()
    const { name, client, ttlMs, remainingMs } = (await again.views.find('job')) ?? {}
    assert.deepEqual([name, client, ttlMs, remainingMs], ['job', A.client, HOUR_MS, HOUR_MS])
    assert.equal(await again.views.open('job', B), 1)
  })
}

function describeTime(open: (t: TestContext) => ViewPlace): void {
  test('a view ends when it was not opened for its ttl, and not before', async (t) => {
    const { store, machine, views } = await openPublished(t, open)
    await views.open('job', { ...A, ttlMs: HOUR_MS })
    await publishSimply(store)
    machine.pass(HOUR_MS - 1)
    assert.equal(await views.open('job', A), 1)
    machine.pass(HOUR_MS - 1)
    assert.equal(await views.open('job', A), 1)
    machine.pass(HOUR_MS + 1_001)
    assert.deepEqual([await views.find('job'), await views.list(), await views.count()], [undefined, [], 0])
    assert.equal(await views.open('job', B), 2)
    const view = await views.find('job')
    assert.deepEqual([view?.client, view?.ttlMs], [B.client, DAY_MS], 'nothing is left of the one before')
    assert.equal(view?.createdAt, machine.wallMs)
  })

  test('the wall set forwards or back changes nothing, with restarts too', async (t) => {
    const { store, machine, views, another } = await openPublished(t, open)
    await views.open('job', A)
    await publishSimply(store)
    for (const byMs of [400 * DAY_MS, -900 * DAY_MS, 500 * DAY_MS]) {
      machine.setWall(byMs)
      machine.pass(HOUR_MS)
      const again = another()
      await again.views.sweep()
      await views.sweep()
      assert.equal((await again.views.find('job'))?.generation, 1)
    }
    assert.equal((await views.find('job'))?.remainingMs, DAY_MS - 3 * HOUR_MS)
    machine.setWall(-400 * DAY_MS)
    machine.pass(21 * HOUR_MS)
    assert.equal(await views.find('job'), undefined)
  })

  test('over a reboot a view lasts at least its ttl, and no longer than by what was not noted', async (t) => {
    const { machine, views, another } = await openPublished(t, open)
    await views.open('job', A)
    machine.pass(10 * HOUR_MS)
    await views.sweep()
    machine.pass(60_000)
    machine.reboot(5 * HOUR_MS)
    machine.setWall(400 * DAY_MS)
    machine.pass(HOUR_MS)
    const again = another()
    await again.views.sweep()
    assert.equal((await again.views.find('job'))?.remainingMs, 13 * HOUR_MS)
    machine.pass(13 * HOUR_MS)
    assert.equal(await again.views.find('job'), undefined)
  })

  test('an opening may give another ttl, and is bounded', async (t) => {
    const { machine, views } = await openPublished(t, open)
    const remaining = async () => (await views.find('job'))?.remainingMs ?? 0
    await views.open('job', { ...A, ttlMs: 1_000 })
    assert.equal(await remaining(), 1_000)
    await views.open('job', { ...A, ttlMs: 100 * DAY_MS })
    const bound = 14 * DAY_MS
    assert.ok((await remaining()) >= bound && (await remaining()) <= bound + 1_000)
    machine.pass(bound - HOUR_MS)
    await views.open('job', A)
    assert.ok((await remaining()) >= bound, 'as long as it was last told')
  })

  test('sweeping forgets what has ended, however much, and nothing else', async (t) => {
    const { machine, views } = await openPublished(t, open)
    const names = Array.from({ length: 450 }, (_, index) => `job-${index}`)
    await Promise.all(names.map((name) => views.open(name, { ...A, ttlMs: HOUR_MS })))
    await views.open('long', A)
    assert.equal(await views.sweep(), 0)
    machine.pass(HOUR_MS)
    assert.deepEqual([await views.sweep(), await views.sweep()], [450, 0])
    assert.deepEqual(
      (await views.list()).map(({ name }) => name),
      ['long'],
    )
  })
}

function describeLists(open: (t: TestContext) => ViewPlace): void {
  test('views are listed by name, in pages, with what they hold', async (t) => {
    const { store, machine, views } = await openPublished(t, open)
    await views.open('b', { ...A, ttlMs: HOUR_MS })
    await publishSimply(store, { mirror: 'n' })
    machine.pass(60_000)
    for (const name of ['c', 'a', 'd']) await views.open(name, B)
    const names = async (query = {}) => (await views.list(query)).map(({ name }) => name)
    assert.deepEqual(await names(), ['a', 'b', 'c', 'd'])
    assert.deepEqual(await names({ limit: 2 }), ['a', 'b'])
    assert.deepEqual(await names({ limit: 2, after: 'b' }), ['c', 'd'])
    assert.deepEqual(await names({ after: 'd' }), [])
    const expected = {
      name: 'b',
      generation: 1,
      createdAt: machine.wallMs - 60_000,
      client: A.client,
      ttlMs: HOUR_MS,
      remainingMs: HOUR_MS - 60_000,
      endsAt: machine.wallMs + HOUR_MS - 60_000,
      snapshotCount: 1,
    }
    assert.deepEqual([await views.find('b'), (await views.list())[1]], [expected, expected])
    assert.equal((await views.find('a'))?.snapshotCount, 2)
    await store.reconcile(listed('n'), 0)
    assert.equal((await views.find('a'))?.snapshotCount, 2)
    await views.open('e', B)
    assert.equal((await views.find('e'))?.snapshotCount, 1)
  })
}

function describeLimit(open: (t: TestContext) => ViewPlace): void {
  test('one view too many is refused, and says what helps; those there are go on', async (t) => {
    const { machine, views } = await openPublished(t, open, 3)
    for (const [name, ttlMs] of [
      ['a', HOUR_MS],
      ['b', 2 * HOUR_MS],
      ['c', DAY_MS],
    ] as const)
      await views.open(name, { client: name, ttlMs })
    machine.pass(60_500)
    const refused = {
      code: 'VIEWS_FULL',
      message: /as many views as there can be, 3, .* DELETE, .* in (59m: d|1h1s: c)$/,
    }
    await assert.rejects(views.open('d', A), refused)
    assert.deepEqual([await views.open('a', A), await views.count(), views.max], [1, 3, 3])
    await views.end('c')
    assert.equal(await views.open('d', B), 1)
    await assert.rejects(views.open('c', A), refused)
    machine.pass(2 * HOUR_MS)
    assert.equal(await views.open('c', A), 1, "those that have ended are in nobody's way")
    assert.deepEqual(
      (await views.list()).map(({ name }) => name),
      ['c', 'd'],
    )
  })

  test('of many at once as many get in as there is room for', async (t) => {
    const { views } = await openPublished(t, open, 250)
    const names = Array.from({ length: 700 }, (_, index) => `job-${index}`)
    const results = await Promise.allSettled(names.map((name) => views.open(name, { client: name })))
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 250)
    assert.equal(await views.count(), 250)
  })

  test('a client holds no more than what is left for all others, whatever names it makes up', async (t) => {
    const { machine, views } = await openPublished(t, open, 100)
    const openAll = async (client: (index: number) => string, prefix: string) => {
      const names = Array.from({ length: 100 }, (_, index) => `${prefix}-${index}`)
      const opened = names.map((name, index) => views.open(name, { client: client(index), ttlMs: HOUR_MS }))
      const results = await Promise.allSettled(opened)
      return results.filter(({ status }) => status === 'fulfilled').length
    }
    assert.equal(await openAll(() => A.client, 'a'), 50)
    await assert.rejects(views.open('more', A), {
      code: 'VIEWS_FULL',
      message: /^192\.0\.2\.1 holds 50 views, as many as are left for all others, .* DELETE, .* in 1h: more$/,
    })
    // One machine has as many addresses of its network as it likes.
    assert.equal(await openAll((index) => `2001:db8::${index.toString(16)}`, 'b'), 25)
    assert.equal(await views.open('c', { client: '192.0.2.2' }), 1)
    assert.equal(await views.open('a-0', A), 1, 'what it holds goes on')
    assert.deepEqual([await views.endAll('2001:db8::ffff'), await views.endAll('2001:db8::1')], [25, 0])
    assert.equal(await views.count(), 51)
    machine.pass(2 * HOUR_MS)
    assert.equal(await openAll(() => A.client, 'd'), 50, 'what has ended counts no more')
  })
}
