import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import { Quota, type Reservation } from '../../src/cache/quota.ts'

const MIB = 2 ** 20

/** A store of which a part can be removed. */
function createStore(maxBytes: number, { stored = 0, removable = 0 } = {}) {
  const store = { stored, removable, calls: [] as number[], told: [] as boolean[], now: 0 }
  const quota = new Quota({
    maxBytes: () => maxBytes,
    storedBytes: () => store.stored,
    makeRoom: async (bytes) => {
      store.calls.push(bytes)
      const excess = Math.max(0, store.stored + bytes - 0.9 * maxBytes)
      const removed = Math.min(excess, store.removable)
      store.stored -= removed
      store.removable -= removed
    },
    onFull: (full) => store.told.push(full),
    now: () => store.now,
  })
  return { store, quota }
}

const PLAIN = { essential: false }

describe('the quota', () => {
  test('sets bytes aside before they are written, and takes them back once', async () => {
    const { quota } = createStore(100)
    const reservation = await quota.reserve(60, PLAIN)
    assert.equal(quota.reservedBytes, 60)
    await assert.rejects(quota.reserve(41, PLAIN), {
      code: 'CACHE_FULL',
      message: 'the cache is full, and nothing more may go: 101 of 100 bytes',
    })
    const second = await quota.reserve(40, PLAIN)
    reservation.release()
    reservation.release()
    assert.equal(quota.reservedBytes, 40)
    second.release()
    assert.equal(quota.reservedBytes, 0)
  })

  test('knows what of it is on the disk by now', async () => {
    const { quota } = createStore(100)
    const [one, other] = [await quota.reserve(60, PLAIN), await quota.reserve(40, PLAIN)]
    one.note(10)
    other.note(5)
    one.note(30)
    assert.deepEqual([quota.writtenBytes, quota.reservedBytes], [35, 100])
    one.release()
    one.release()
    assert.deepEqual([quota.writtenBytes, quota.reservedBytes], [5, 40])
  })

  test('makes room, once for all who wait, again for who found none left, and refuses what does not fit then', async () => {
    const { store, quota } = createStore(100, { stored: 100, removable: 30 })
    const waiting = [1, 2, 3, 4].map(() => quota.reserve(10, PLAIN))
    const ended = await Promise.allSettled(waiting)
    assert.equal(ended.filter(({ status }) => status === 'fulfilled').length, 3)
    assert.deepEqual([store.stored, quota.reservedBytes], [70, 30])
    assert.deepEqual(store.calls, [10, 30], 'two waited for one')
  })

  test('is loud once when it is full, and once when there is room again', async () => {
    const { store, quota } = createStore(100, { stored: 95 })
    for (let round = 0; round < 3; round += 1)
      await assert.rejects(quota.reserve(10, PLAIN), { code: 'CACHE_FULL' })
    assert.deepEqual([store.told, quota.isFull, store.calls.length], [[true], true, 1])
    store.now += 10_000
    await assert.rejects(quota.reserve(10, PLAIN), { code: 'CACHE_FULL' })
    assert.equal(store.calls.length, 2, 'after a while it tries again')
    store.stored = 0
    const reservation = await quota.reserve(10, PLAIN)
    assert.deepEqual([store.told, quota.isFull], [[true, false], false])
    reservation.release()
  })

  test('when little room is left that nothing can widen, not every blob has that tried', async () => {
    const { store, quota } = createStore(100, { stored: 96 })
    for (let round = 0; round < 5; round += 1) {
      const reservation = await quota.reserve(1, PLAIN)
      await Promise.resolve()
      reservation.release()
    }
    assert.deepEqual([store.calls, store.told], [[1], []])
    store.now += 10_000
    const later = await quota.reserve(1, PLAIN)
    assert.equal(store.calls.length, 2, 'after a while it tries again')
    later.release()
  })

  test('who needs room is refused after a while when making it takes for ever, as with a disk that hangs', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const quota = new Quota({
      maxBytes: () => 100,
      storedBytes: () => 100,
      makeRoom: () => new Promise(() => undefined),
    })
    const refused = assert.rejects(quota.reserve(1, PLAIN), { code: 'CACHE_FULL' })
    t.mock.timers.tick(10_000)
    await refused
  })

  test('never refuses what a snapshot cannot be without, but counts it', async () => {
    const { quota } = createStore(100, { stored: 100 })
    const essential = await quota.reserve(50, { essential: true })
    assert.equal(quota.reservedBytes, 50)
    essential.release()
  })

  test('sets aside in steps for a blob of unknown size', async () => {
    const { quota } = createStore(2.5 * MIB)
    const reservation = await quota.reserve(undefined, PLAIN)
    assert.equal(quota.reservedBytes, MIB)
    await reservation.ensure(MIB)
    assert.equal(quota.reservedBytes, MIB)
    await reservation.ensure(MIB + 1)
    assert.equal(quota.reservedBytes, 2 * MIB)
    await assert.rejects(async () => await reservation.ensure(2 * MIB + 1), { code: 'CACHE_FULL' })
    assert.equal(quota.reservedBytes, 2 * MIB, 'what it has it keeps until it is released')
    reservation.release()
    assert.equal(quota.reservedBytes, 0)
  })

  test('counts exactly what a snapshot cannot be without and whose size is not known', async () => {
    const { quota } = createStore(10)
    const reservation = await quota.reserve(undefined, { essential: true })
    for (const bytes of [5, 12, 12, 30]) {
      await reservation.ensure(bytes)
      assert.equal(quota.reservedBytes, bytes)
    }
  })

  test('tells what seems to fit by what was there when something was last set aside', async () => {
    const { quota } = createStore(1000, { stored: 100 })
    assert.equal(quota.seemsToFit(1), false, 'nobody has looked yet')
    await quota.reserve(50, PLAIN)
    assert.deepEqual([quota.seemsToFit(800), quota.seemsToFit(801), quota.seemsToFit()], [true, false, false])
  })

  test('whatever happens, what is stored and set aside never exceeds it', async () => {
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('reserve' as const), bytes: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ kind: fc.constant('store' as const) }),
      fc.record({ kind: fc.constant('release' as const) }),
      fc.record({ kind: fc.constant('wait' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const { store, quota } = createStore(100)
        const held: { reservation: Reservation; bytes: number }[] = []
        const asked: Promise<unknown>[] = []
        const check = () => assert.ok(store.stored + quota.reservedBytes <= 100)
        for (const { kind, ...rest } of operations) {
          if (kind === 'reserve') {
            const { bytes } = rest as { bytes: number }
            const took = (reservation: Reservation) => held.push({ reservation, bytes })
            asked.push(quota.reserve(bytes, PLAIN).then(took, () => undefined))
          } else if (kind === 'wait') {
            await Promise.all(asked.splice(0))
            store.now += 6_000
          } else {
            const one = held.shift()
            one?.reservation.release()
            if (kind === 'store' && one !== undefined) {
              store.stored += one.bytes
              store.removable += one.bytes
            }
          }
          check()
        }
        await Promise.all(asked)
        check()
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})
