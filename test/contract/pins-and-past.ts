import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import type { ListedMirror, SnapshotStore } from '../../src/snapshot/store.ts'
import { NOON, publishSimply } from '../snapshot/publish-simply.ts'

/** Mirrors that are to be in the index, none of them pinned. */
export function listed(...names: readonly string[]): ListedMirror[] {
  return names.map((name) => ({ name }))
}

/** The part of the contract that is about pins and about what the index was. */
export function describePinsAndPast(open: (t: TestContext) => SnapshotStore): void {
  test('a pinned mirror keeps its snapshot through publishes until the pin goes', async (t) => {
    const store = open(t)
    await store.reconcile(listed('m', 'n'), NOON)
    const { snapshot: first } = await publishSimply(store)
    const { snapshot: second } = await publishSimply(store)
    const state = async () => {
      const [m] = await store.mirrors()
      const { generation } = await store.index()
      return [m?.current?.name, m?.pinned, generation]
    }
    assert.deepEqual(await state(), [second.name, false, 2])
    await store.reconcile([{ name: 'm', pin: first.name }, { name: 'n' }], NOON)
    assert.deepEqual(await state(), [first.name, true, 3])
    const { snapshot: third, generation } = await publishSimply(store)
    assert.equal(generation, undefined)
    assert.deepEqual(await state(), [first.name, true, 3])
    await store.reconcile([{ name: 'm', pin: first.name }, { name: 'n' }], NOON)
    assert.deepEqual(await state(), [first.name, true, 3], 'the same pin again changes nothing')
    await store.reconcile(listed('m', 'n'), NOON)
    assert.deepEqual(await state(), [third.name, false, 4])
  })

  test('a pin to what is not there changes nothing and names the nearest', async (t) => {
    const store = open(t)
    await store.reconcile(listed('m'), NOON)
    const { snapshot } = await publishSimply(store)
    await publishSimply(store, { mirror: 'n' })
    const wrong = store.reconcile([{ name: 'n' }, { name: 'm', pin: '1999-01-01-00-00' }], NOON)
    await assert.rejects(wrong, {
      code: 'PIN_UNKNOWN',
      message: `m has no snapshot 1999-01-01-00-00: the nearest are ${snapshot.name}`,
    })
    assert.deepEqual([...(await store.index()).current.keys()], ['m'])
    await assert.rejects(
      store.reconcile([{ name: 'x', pin: snapshot.name }], NOON),
      /x has no snapshot .*: it has none/,
    )
  })

  test('the past: every generation stays readable, by number, by moment, and as what changed', async (t) => {
    const store = open(t)
    const { history } = store
    assert.deepEqual(await history.generations(), [])
    await store.reconcile(listed('m', 'n'), NOON)
    const { snapshot: m1 } = await publishSimply(store, { nowMs: NOON + 1_000 })
    const { snapshot: n1 } = await publishSimply(store, { mirror: 'n', nowMs: NOON + 2_000 })
    // A clock that steps back does not make a generation begin before the one it follows.
    const { snapshot: m2 } = await publishSimply(store, { nowMs: NOON + 500 })
    await store.reconcile([{ name: 'm', pin: m1.name }], NOON + 4_000)
    const named = async (generation: number) => {
      const index = await history.indexAt(generation)
      return index && [...index.current].map(([mirror, { name }]) => `${mirror} ${name}`)
    }
    assert.deepEqual(await named(0), undefined)
    assert.deepEqual(await named(1), [`m ${m1.name}`])
    assert.deepEqual(await named(2), [`m ${m1.name}`, `n ${n1.name}`])
    assert.deepEqual(await named(3), [`m ${m2.name}`, `n ${n1.name}`])
    assert.deepEqual(await named(4), [`m ${m1.name}`])
    assert.deepEqual(await named(5), undefined)
    const moments = [
      NOON,
      NOON + 999,
      NOON + 1_000,
      NOON + 1_999,
      NOON + 2_000,
      NOON + 3_999,
      NOON + 4_000,
      NOON * 2,
    ]
    const numbers = await Promise.all(moments.map((atMs) => history.generationAt(atMs)))
    assert.deepEqual(numbers, [undefined, undefined, 1, 1, 3, 3, 4, 4])
    const generations = await history.generations()
    assert.deepEqual(
      generations.map(({ actor }) => actor),
      ['configuration file', 'schedule', 'schedule', 'schedule'],
    )
    assert.deepEqual(
      generations.map(({ number, cause, changes }) => [number, cause, changes]),
      [
        [
          4,
          'pin',
          [
            { mirror: 'm', from: m2.name, to: m1.name },
            { mirror: 'n', from: n1.name, to: undefined },
          ],
        ],
        [3, 'sync', [{ mirror: 'm', from: m1.name, to: m2.name }]],
        [2, 'sync', [{ mirror: 'n', from: undefined, to: n1.name }]],
        [1, 'sync', [{ mirror: 'm', from: undefined, to: m1.name }]],
      ],
    )
    const ofN = await history.generations({ mirror: 'n' })
    assert.deepEqual(
      ofN.map(({ number }) => number),
      [4, 2],
    )
    const page = await history.generations({ before: 4, limit: 2 })
    assert.deepEqual(
      page.map(({ number }) => number),
      [3, 2],
    )
  })

  test('a generation names who began it and why, as far as that is told', async (t) => {
    const store = open(t)
    await store.reconcile(listed('m', 'n'), NOON)
    const { snapshot: m1 } = await publishSimply(store, { actor: 'socket user alice' })
    await publishSimply(store)
    await publishSimply(store, { mirror: 'n' })
    const pinned = { name: 'm', pin: m1.name, pinWhy: 'the newer one is broken' }
    const byToken = { actor: 'token ci', cause: 'rollback' } as const
    assert.equal(await store.reconcile([pinned, { name: 'n' }], NOON, byToken), 4)
    assert.equal((await store.mirrors()).find(({ name }) => name === 'm')?.pinWhy, pinned.pinWhy)
    assert.equal(await store.reconcile([pinned, { name: 'n' }], NOON, byToken), undefined)
    assert.equal(await store.reconcile(listed('m', 'n'), NOON, { actor: 'token ci' }), 5)
    assert.equal((await store.mirrors()).find(({ name }) => name === 'm')?.pinWhy, undefined)
    await store.reconcile([pinned, { name: 'n' }], NOON)
    await store.reconcile([pinned], NOON)
    await store.reconcile([{ ...pinned, enabled: false }], NOON)
    await store.reconcile(listed('m', 'n'), NOON)
    assert.deepEqual(
      (await store.history.generations()).toReversed().map(({ cause, actor }) => [cause, actor]),
      [
        ['sync', 'socket user alice'],
        ['sync', 'schedule'],
        ['sync', 'schedule'],
        ['rollback', 'token ci'],
        ['unpin', 'token ci'],
        ['pin', 'configuration file'],
        ['remove', 'configuration file'],
        ['configuration', 'configuration file'],
        ['configuration', 'configuration file'],
      ],
    )
    const whys = (await store.history.generations({ mirror: 'm' })).map(({ number, why }) => [number, why])
    const said = whys.filter(([, why]) => why !== undefined)
    assert.deepEqual(said.toReversed(), [
      [4, pinned.pinWhy],
      [6, pinned.pinWhy],
    ])
  })

  test('a generation that several pins begin has each reason once, and not those of pins that stay', async (t) => {
    const store = open(t)
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    await store.reconcile(listed(...names), NOON)
    const pins = new Map<string, string>()
    for (const mirror of names) {
      pins.set(mirror, (await publishSimply(store, { mirror })).snapshot.name)
      await publishSimply(store, { mirror })
    }
    const pin = (mirror: string, pinWhy?: string) => ({
      name: mirror,
      pin: pins.get(mirror) ?? '',
      ...(pinWhy === undefined ? {} : { pinWhy }),
    })
    const whyOf = async () => (await store.history.generations({ limit: 1 }))[0]?.why
    const stays = pin('a', 'stays')
    await store.reconcile([stays, ...listed('b', 'c', 'd', 'e', 'f', 'g', 'h')], NOON)
    assert.equal(await whyOf(), 'stays')
    const two = [stays, pin('b', 'x'), pin('c', 'x'), pin('d', 'y'), pin('e')]
    await store.reconcile([...two, ...listed('f', 'g', 'h')], NOON)
    assert.equal(await whyOf(), 'x; y')
    await store.reconcile(listed(...names), NOON)
    assert.equal(await whyOf(), undefined)
    await store.reconcile(
      names.map((name) => pin(name, `of ${name}`)),
      NOON,
    )
    assert.equal(await whyOf(), 'of a; of b; of c; of d; of e; …')
  })

  test('a pin has the time at which it was first configured, whatever was current before', async (t) => {
    const store = open(t)
    await store.reconcile(listed('m'), NOON)
    const { snapshot: m1 } = await publishSimply(store, { nowMs: NOON + 1 })
    const since = async () => (await store.farm.mirrors(NOON))[0]?.pinnedSince
    const pins = async (pin: string | undefined, atMs: number, enabled = true) => {
      await store.reconcile([{ name: 'm', enabled, ...(pin === undefined ? {} : { pin }) }], atMs)
      return await since()
    }
    assert.equal(await since(), undefined)
    assert.equal(await pins(m1.name, NOON + 50), NOON + 50, 'it was current all the time')
    assert.equal(await pins(m1.name, NOON + 60), NOON + 50)
    const { snapshot: m2 } = await publishSimply(store, { nowMs: NOON + 70 })
    assert.equal(await since(), NOON + 50)
    assert.equal(await pins(m2.name, NOON + 80), NOON + 80)
    assert.equal(await pins(undefined, NOON + 90), undefined)
    assert.equal(await pins(m2.name, NOON + 100), NOON + 100)
    assert.equal(await pins(m2.name, NOON + 110, false), undefined)
    assert.equal(await pins(m2.name, NOON + 120), NOON + 120)
  })

  test('a mirror that left the configuration knows since when, a disabled one has not left', async (t) => {
    const store = open(t)
    const removed = async () =>
      (await store.mirrors()).map(({ name, listed, removedAt }) => [name, listed, removedAt])
    await store.reconcile(listed('m', 'n'), NOON)
    await publishSimply(store)
    await publishSimply(store, { mirror: 'n' })
    await store.reconcile([{ name: 'm', enabled: false }], NOON + 1)
    assert.deepEqual(await removed(), [
      ['m', false, undefined],
      ['n', false, NOON + 1],
    ])
    await store.reconcile(
      [
        { name: 'm', enabled: false },
        { name: 'new', enabled: false },
      ],
      NOON + 2,
    )
    assert.deepEqual(
      await removed(),
      [
        ['m', false, undefined],
        ['n', false, NOON + 1],
      ],
      'the first time counts',
    )
    await store.reconcile(listed('n'), NOON + 3)
    assert.deepEqual(await removed(), [
      ['m', false, NOON + 3],
      ['n', true, undefined],
    ])
    await assert.rejects(store.reconcile([{ name: 'm', pin: '1999-01-01-00-00' }], NOON + 4))
    assert.deepEqual(await removed(), [
      ['m', false, NOON + 3],
      ['n', true, undefined],
    ])
  })

  test('a mirror that nobody knows is used by nobody', async (t) => {
    const store = open(t)
    await publishSimply(store)
    for (const mirror of ['m', 'x']) {
      assert.deepEqual(await store.mirrorUse.usedSince(mirror, 0), [])
      assert.deepEqual(await store.mirrorUse.viewsHolding(mirror), [])
    }
  })
}
