import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import type { SnapshotStore } from '../../src/snapshot/store.ts'
import { createPackage, NOON, publishSimply } from '../snapshot/publish-simply.ts'
import { listed } from './pins-and-past.ts'

/** The part of the contract that is about retiring one snapshot. */
export function describeRetirement(open: (t: TestContext) => SnapshotStore): void {
  const fill = async (t: TestContext) => {
    const store = open(t)
    await store.reconcile(listed('m'), NOON)
    const names: string[] = []
    for (const content of ['1', '2', '3'])
      names.push((await publishSimply(store, { packages: [createPackage('p', content)] })).snapshot.name)
    const [first = '', second = '', third = ''] = names
    return { store, first, second, third }
  }

  test('one snapshot is retired, and nothing else: the others keep their packages, the index its state', async (t) => {
    const { store, first, second, third } = await fill(t)
    const before = await store.index()
    await store.retire('m', second, NOON + 1)
    assert.deepEqual(
      (await store.snapshots('m')).map(({ name }) => name),
      [third, first],
    )
    assert.equal(await store.snapshot('m', second), undefined)
    assert.equal(await store.retiredAt('m', second), NOON + 1)
    assert.deepEqual(await store.index(), before)
    for (const [name, content] of [
      [first, '1'],
      [third, '3'],
    ] as const) {
      const snapshot = await store.snapshot('m', name)
      assert.ok(snapshot !== undefined)
      assert.equal((await store.file(snapshot, 'p'))?.digest, createPackage('p', content).checksum)
    }
    await assert.rejects(store.retire('m', second, NOON), { code: 'NOT_FOUND' }, 'not twice')
  })

  test('what is in use is not retired, and every use is named', async (t) => {
    const { store, first, second, third } = await fill(t)
    await assert.rejects(store.retire('m', third, NOON), refusal(third, 'current, the newest'))
    await store.views.open('job', { client: 'c' })
    await store.views.open('other', { client: 'c' })
    await store.reconcile([{ name: 'm', pin: first }], NOON)
    await assert.rejects(store.retire('m', first, NOON), refusal(first, 'current, pinned'))
    await assert.rejects(store.retire('m', third, NOON), refusal(third, 'the newest, in 2 live views'))
    await store.retire('m', second, NOON)
    await publishSimply(store, { packages: [createPackage('p', '4')] })
    await store.views.end('job')
    await assert.rejects(store.retire('m', third, NOON), refusal(third, 'in a live view'))
    await store.views.end('other')
    await store.retire('m', third, NOON)
  })

  test('what is not there cannot be retired', async (t) => {
    const { store, first } = await fill(t)
    await assert.rejects(store.retire('n', first, NOON), { code: 'NOT_FOUND' })
    await assert.rejects(store.retire('m', '1999-01-01-00-00', NOON), {
      code: 'NOT_FOUND',
      message: 'm has no snapshot: "1999-01-01-00-00"',
    })
  })
}

function refusal(name: string, why: string): { code: string; message: string } {
  return { code: 'SNAPSHOT_IN_USE', message: `the snapshot ${name} of m is not retired, it is ${why}` }
}
