import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import type { Agent } from '../../src/model/agent.ts'
import type { Snapshot, SnapshotStore } from '../../src/snapshot/store.ts'
import { createUsageClient, UsageTally } from '../../src/snapshot/usage/usage-tally.ts'
import { CLIENTS_PER_MIRROR, type UsageBatch } from '../../src/snapshot/usage/usage.ts'
import { NOON, publishSimply } from '../snapshot/publish-simply.ts'

/** User-Agents of the kinds that the tests speak of. */
const USER_AGENTS: Readonly<Partial<Record<Agent, string>>> = {
  'dnf 4': 'libdnf (CentOS Stream 9; generic; Linux.x86_64)',
  'yum 3': 'urlgrabber/3.10 yum/3.4.3',
  curl: 'curl/8.5.0',
}

/** A request: of which snapshot, by whom, how many bytes it got, and when, in milliseconds after {@link NOON}. */
export type Request = readonly [snapshot: Snapshot, address: string, agent: Agent, bytes: number, at: number]

/** What a process that saw these requests adds to its store. */
export function createBatch(store: SnapshotStore, requests: readonly Request[]): UsageBatch {
  const tally = new UsageTally()
  for (const [snapshot, address, agent, bytes, at] of requests)
    tally.count(snapshot, createUsageClient(store.usage.seed, address, USER_AGENTS[agent]), bytes, NOON + at)
  return tally.toBatch()
}

const DAY_MS = 86_400_000

/** The part of the contract about who uses what. Each store that `open` gives is of the same place. */
export function describeUsage(openPlace: (t: TestContext) => { open(): SnapshotStore }): void {
  test('a mirror that nobody used has no use, and one that is not there none to ask for', async (t) => {
    const store = openPlace(t).open()
    await store.reconcile([{ name: 'empty' }], NOON)
    await publishSimply(store, { mirror: 'm', nowMs: 4e12 })
    assert.deepEqual(await store.usage.ofMirrors(), [
      { mirror: 'empty', countedSince: undefined, usage: undefined },
      { mirror: 'm', countedSince: 4e12, usage: undefined },
    ])
    const none = { mirror: 'm', countedSince: 4e12, usage: undefined, snapshots: [], clients: [] }
    assert.deepEqual(await store.usage.ofMirror('m'), none)
    assert.equal(await store.usage.ofMirror('other'), undefined)
  })

  test('use adds up, by snapshot, by mirror and by client, whichever process of the place saw it', async (t) => {
    const place = openPlace(t)
    const [store, other] = [place.open(), place.open()]
    assert.equal(store.usage.seed, other.usage.seed)
    const { snapshot: first } = await publishSimply(store, { mirror: 'm' })
    const { snapshot: second } = await publishSimply(store, { mirror: 'm' })
    const { snapshot: elsewhere } = await publishSimply(store, { mirror: 'n' })
    const one = createBatch(store, [
      [first, '10.0.0.1', 'yum 3', 100, 0],
      [first, '10.0.0.1', 'yum 3', 10, 5],
      [second, '10.0.0.1', 'yum 3', 1, 7],
      [elsewhere, '10.0.0.9', 'curl', 0, 8],
    ])
    const another = createBatch(other, [
      [second, '::ffff:10.0.0.1', 'curl', 1_000, 2],
      [first, '10.0.0.2', 'yum 3', 10_000, -3],
    ])
    await Promise.all([store.usage.add(one), other.usage.add(another)])
    const details = await store.usage.ofMirror('m')
    assert.deepEqual(details?.usage, {
      requests: 5,
      bytes: 11_111,
      clients: 2,
      firstSeen: NOON - 3,
      lastSeen: NOON + 7,
      agents: [
        { agent: 'yum 3', requests: 4 },
        { agent: 'curl', requests: 1 },
      ],
    })
    assert.deepEqual(details.snapshots, [
      {
        snapshot: second.name,
        retired: false,
        requests: 2,
        bytes: 1_001,
        clients: 1,
        firstSeen: NOON + 2,
        lastSeen: NOON + 7,
        agents: [
          { agent: 'curl', requests: 1 },
          { agent: 'yum 3', requests: 1 },
        ],
      },
      {
        snapshot: first.name,
        retired: false,
        requests: 3,
        bytes: 10_110,
        clients: 2,
        firstSeen: NOON - 3,
        lastSeen: NOON + 5,
        agents: [{ agent: 'yum 3', requests: 3 }],
      },
    ])
    assert.deepEqual(
      details.clients.map(({ client, agent, requests, bytes }) => [client, agent, requests, bytes]),
      [
        ['10.0.0.1', 'yum 3', 3, 111],
        ['10.0.0.1', 'curl', 1, 1_000],
        ['10.0.0.2', 'yum 3', 1, 10_000],
      ],
    )
    const all = await other.usage.ofMirrors()
    assert.deepEqual(
      all.map(({ mirror, usage }) => [mirror, usage?.requests, usage?.clients]),
      [
        ['m', 5, 2],
        ['n', 1, 1],
      ],
    )
  })

  test('of very many clients those seen last are known by name, the others by number', async (t) => {
    const store = openPlace(t).open()
    const { snapshot } = await publishSimply(store)
    const total = 2 * CLIENTS_PER_MIRROR + 500
    // The later, the higher the address; the second batch is of the time before the first.
    for (const half of [1, 0]) {
      const requests = Array.from({ length: total / 2 }, (_, index): Request => {
        const at = half * (total / 2) + index
        return [snapshot, `10.0.${at >> 8}.${at & 255}`, 'curl', 1, at]
      })
      await store.usage.add(createBatch(store, requests))
    }
    const details = await store.usage.ofMirror('m')
    const times = details?.clients.map(({ lastSeen }) => lastSeen - NOON)
    assert.deepEqual(
      times,
      Array.from({ length: CLIENTS_PER_MIRROR }, (_, index) => total - 1 - index),
    )
    assert.deepEqual([details?.usage?.requests, details?.usage?.bytes], [total, total])
    const error = (details?.usage?.clients ?? 0) / total - 1
    assert.ok(Math.abs(error) < 0.25, `${error}`)
  })

  test('clients are forgotten after 90 days, their number is not', async (t) => {
    const store = openPlace(t).open()
    const { snapshot } = await publishSimply(store)
    await store.usage.add(createBatch(store, [[snapshot, '10.0.0.1', 'curl', 1, 0]]))
    await store.usage.add(createBatch(store, [[snapshot, '10.0.0.2', 'curl', 1, 1]]))
    await store.usage.prune(NOON + 90 * DAY_MS + 1)
    const details = await store.usage.ofMirror('m')
    assert.deepEqual(
      details?.clients.map(({ client }) => client),
      ['10.0.0.2'],
    )
    assert.deepEqual([details.usage?.clients, details.usage?.requests, details.snapshots.length], [2, 2, 1])
  })

  test('what a batch says of a snapshot that is gone is dropped, the rest is kept', async (t) => {
    const store = openPlace(t).open()
    const { snapshot } = await publishSimply(store)
    const gone = { ...snapshot, id: 4_711 }
    const foreign = { ...snapshot, mirrorId: 4_712 }
    const requests: readonly Request[] = [
      [gone, '10.0.0.1', 'curl', 1, 0],
      [foreign, '10.0.0.2', 'curl', 1, 0],
      [snapshot, '10.0.0.3', 'curl', 1, 0],
    ]
    for (const request of requests) await store.usage.add(createBatch(store, [request]))
    const details = await store.usage.ofMirror('m')
    assert.deepEqual(
      details?.snapshots.map(({ requests }) => requests),
      [1],
    )
    assert.deepEqual((await store.usage.ofMirrors()).length, 1)
  })
}
