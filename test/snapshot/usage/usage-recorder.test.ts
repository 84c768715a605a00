import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import { AGENTS } from '../../../src/model/agent.ts'
import { UsageRecorder } from '../../../src/snapshot/usage/usage-recorder.ts'
import { createUsageClient, MAX_NAMED, UsageTally } from '../../../src/snapshot/usage/usage-tally.ts'
import { CLIENTS_PER_MIRROR, type UsageBatch, type UsageStore } from '../../../src/snapshot/usage/usage.ts'
import { gate } from '../../support/gate.ts'

const CURL = 'curl/8.5.0'
const SNAPSHOT = { id: 1, mirrorId: 1 }
const OTHER = { id: 2, mirrorId: 1 }

/** A store that notes what it is given, and fails or waits when told. */
class NotingStore implements UsageStore {
  readonly seed = 'seed'
  readonly batches: UsageBatch[] = []
  readonly pruned: number[] = []
  failing = false
  until: Promise<void> = Promise.resolve()
  onAdd: () => void = () => undefined

  async add(batch: UsageBatch): Promise<void> {
    await this.until
    if (this.failing) throw new Error('disk full')
    this.onAdd()
    this.batches.push(batch)
  }

  async prune(nowMs: number): Promise<void> {
    this.pruned.push(nowMs)
  }

  async ofMirrors(): Promise<never> {
    throw new Error('not asked for')
  }

  async ofMirror(): Promise<never> {
    throw new Error('not asked for')
  }

  /** Requests of all batches. */
  get requests(): number {
    return this.batches.flatMap(({ snapshots }) => snapshots).reduce((sum, one) => sum + one.requests, 0)
  }
}

interface Recording {
  readonly store: NotingStore
  readonly recorder: UsageRecorder
  readonly errors: unknown[]
  /** Records a request of each of so many clients, from this number on. */
  readonly record: (count: number, first?: number) => void
  /** Lets that much time pass, and what it starts come to its end. */
  readonly pass: (ms: number) => Promise<void>
}

/** A recorder whose clock stands until the test moves it. */
function startRecording(t: TestContext): Recording {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const store = new NotingStore()
  const errors: unknown[] = []
  const recorder = new UsageRecorder({ store, now: () => 5, onError: (error) => errors.push(error) })
  t.after(() => recorder.close())
  const record = (count: number, first = 0) => {
    for (let index = first; index < first + count; index += 1)
      recorder.record(SNAPSHOT, recorder.identify(addressOf(index), CURL), 10)
  }
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms)
    await settle()
  }
  return { store, recorder, errors, record, pass }
}

/** What was begun with promises and a few turns of the event loop has come to its end by then. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

function addressOf(index: number): string {
  return `2001:db8::${(index >> 16).toString(16)}:${(index & 0xff_ff).toString(16)}`
}

describe('what was counted', () => {
  test('is stored every ten seconds, on demand and at the end; nothing is stored when there is nothing', async (t) => {
    const { store, recorder, record, pass } = startRecording(t)
    await pass(60_000)
    await recorder.flush()
    assert.equal(store.batches.length, 0)
    record(3)
    await pass(9_999)
    assert.equal(store.requests, 0)
    await pass(1)
    assert.deepEqual([store.batches.length, store.requests], [1, 3])
    record(2)
    await recorder.flush()
    assert.deepEqual([store.batches.length, store.requests], [2, 5])
    record(1)
    await recorder.close()
    assert.deepEqual([store.batches.length, store.requests], [3, 6])
  })

  test('is kept while the store fails, and told of, and stored once with what came later', async (t) => {
    const { store, recorder, errors, record, pass } = startRecording(t)
    store.failing = true
    record(3)
    await assert.rejects(recorder.flush(), /disk full/)
    record(3)
    record(2, 3)
    await pass(10_000)
    record(1, 5)
    assert.deepEqual([errors.length, store.requests], [1, 0])
    store.failing = false
    await pass(10_000)
    assert.equal(store.batches.length, 1)
    const [{ clients, snapshots } = { clients: [], snapshots: [] }] = store.batches
    assert.deepEqual(
      new Set(clients.map(({ client, requests, bytes }) => `${client} ${requests} ${bytes}`)),
      new Set(
        [2, 2, 2, 1, 1, 1].map((requests, index) => `${addressOf(index)} ${requests} ${requests * 10}`),
      ),
    )
    assert.deepEqual(
      snapshots.map(({ requests, bytes }) => [requests, bytes]),
      [[9, 90]],
    )
    await pass(10_000)
    assert.equal(store.batches.length, 1)
  })

  test('while a flush waited that failed then is stored with what that could not', async (t) => {
    const { store, recorder, record } = startRecording(t)
    const begin = gate()
    store.until = begin.opened
    record(3)
    const failed = recorder.flush()
    await settle()
    record(4, 1)
    store.failing = true
    begin.open()
    await assert.rejects(failed, /disk full/)
    store.failing = false
    await recorder.flush()
    assert.deepEqual([store.batches.length, store.requests, store.batches[0]?.clients.length], [1, 7, 5])
  })

  test('while a flush waits is of the next one, and every flush resolves when its own is stored', async (t) => {
    const { store, recorder, record } = startRecording(t)
    const begin = gate()
    store.until = begin.opened
    record(1)
    const first = recorder.flush()
    await settle()
    record(2)
    const second = recorder.flush()
    begin.open()
    await first
    assert.equal(store.requests, 1)
    await second
    assert.equal(store.requests, 3)
  })

  test('is looked through for what is old, once an hour', async (t) => {
    const { store, pass } = startRecording(t)
    let uptimeMs = 0
    t.mock.method(performance, 'now', () => uptimeMs)
    await pass(10_000)
    assert.deepEqual(store.pruned, [5])
    uptimeMs = 3_599_999
    await pass(10_000)
    assert.equal(store.pruned.length, 1)
    uptimeMs = 3_600_000
    await pass(10_000)
    assert.equal(store.pruned.length, 2)
  })
})

describe('a client with as many addresses as it likes', () => {
  test('is stored sooner, and again only when it has come as often', async (t) => {
    const { store, record } = startRecording(t)
    record(MAX_NAMED - 1)
    await settle()
    assert.equal(store.requests, 0)
    record(1, MAX_NAMED)
    await settle()
    assert.equal(store.requests, MAX_NAMED)
    const batches = store.batches.length
    assert.ok(batches > 1, 'in parts, between which requests have their turn')
    record(1_000)
    await settle()
    assert.equal(store.batches.length, batches)
  })

  test('does not try the store with every request while that fails', async (t) => {
    const { store, errors, record, pass } = startRecording(t)
    store.failing = true
    for (let round = 0; round < 10; round += 1) {
      record(MAX_NAMED, round * MAX_NAMED)
      await settle()
    }
    assert.equal(errors.length, 1)
    store.failing = false
    await pass(10_000)
    assert.equal(store.requests, 10 * MAX_NAMED)
  })

  test('is counted once, though the store fails in the middle', async (t) => {
    const { store, errors, record, pass } = startRecording(t)
    let parts = 0
    store.onAdd = () => {
      parts += 1
      if (parts === 3) throw new Error('disk full')
    }
    record(MAX_NAMED)
    await settle()
    assert.equal(errors.length, 1)
    assert.ok(store.requests > 0 && store.requests < MAX_NAMED)
    await pass(10_000)
    assert.equal(store.requests, MAX_NAMED)
  })

  test('takes no more memory than any: the others are counted, and how many they are, without their names', () => {
    const tally = new UsageTally()
    const kinds = [CURL, undefined, 'urlgrabber/3.10 yum/3.4.3', 'x/1']
    const clients = 100_000
    for (let index = 0; index < clients; index += 1) {
      // Whatever it calls itself, in headers of its own making.
      const userAgent = index % 5 === 4 ? `agent ${index}` : kinds[index % 5]
      tally.count(SNAPSHOT, createUsageClient('seed', addressOf(index), userAgent), 1, index)
    }
    assert.ok(tally.isFull)
    assert.equal(tally.named, MAX_NAMED)
    const batch = tally.toBatch()
    assert.equal(batch.clients.length, CLIENTS_PER_MIRROR)
    const [total] = batch.snapshots
    assert.deepEqual([total?.requests, total?.bytes], [clients, clients])
    assert.deepEqual([total?.firstSeen, total?.lastSeen], [0, clients - 1])
    assert.ok((total?.agents.size ?? 0) <= AGENTS.length)
    const expected = { curl: 1, none: 1, 'yum 3': 1, other: 2 }
    assert.deepEqual(
      Object.fromEntries(total?.agents ?? []),
      Object.fromEntries(Object.entries(expected).map(([agent, fifths]) => [agent, (fifths * clients) / 5])),
    )
    const error = (total?.clients.count() ?? 0) / clients - 1
    assert.ok(Math.abs(error) < 0.25, `${error}`)
  })

  test('does not hide who was there before it', () => {
    const tally = new UsageTally()
    const before = createUsageClient('seed', '10.0.0.1', CURL)
    tally.count(SNAPSHOT, before, 1, 0)
    for (let index = 0; index < 10_000; index += 1)
      tally.count(SNAPSHOT, createUsageClient('seed', addressOf(index), CURL), 1, 1)
    tally.count(SNAPSHOT, before, 1, 2)
    const [first] = tally.toBatch().clients
    assert.deepEqual([first?.client, first?.requests, first?.lastSeen], ['10.0.0.1', 2, 2])
  })
})

describe('tallies', () => {
  test('of which one absorbs the other have counted what one alone would have, full or not', () => {
    for (const total of [100, MAX_NAMED + 500]) {
      const [whole, early, late] = [new UsageTally(), new UsageTally(), new UsageTally()]
      for (let index = 0; index < total * 2; index += 1) {
        const client = createUsageClient('seed', addressOf(index % total), CURL)
        const snapshot = index % 3 === 0 ? OTHER : SNAPSHOT
        for (const tally of [whole, index < total ? early : late]) tally.count(snapshot, client, index, index)
      }
      early.absorb(late)
      const [expected, found] = [whole, early].map((tally) =>
        tally.toBatch().snapshots.map(({ clients, agents, ...counts }) => ({
          ...counts,
          clients: clients.toBytes().toString('hex'),
          agents: [...agents],
        })),
      )
      assert.deepEqual(found, expected)
      if (total < MAX_NAMED) assert.deepEqual(early.toBatch().clients, whole.toBatch().clients)
    }
  })

  test('know a client of several snapshots of a mirror once, with all it did', () => {
    const tally = new UsageTally()
    const client = createUsageClient('seed', '10.0.0.1', CURL)
    tally.count(SNAPSHOT, client, 1, 10)
    tally.count(OTHER, client, 2, 5)
    tally.count({ id: 3, mirrorId: 2 }, client, 4, 7)
    assert.deepEqual(tally.toBatch().clients, [
      { client: '10.0.0.1', agent: 'curl', requests: 2, bytes: 3, firstSeen: 5, lastSeen: 10, mirrorId: 1 },
      { client: '10.0.0.1', agent: 'curl', requests: 1, bytes: 4, firstSeen: 7, lastSeen: 7, mirrorId: 2 },
    ])
  })

  test('do not go back with the clock', () => {
    const tally = new UsageTally()
    for (const at of [10, 3, 7]) tally.count(SNAPSHOT, createUsageClient('seed', '10.0.0.1', CURL), 1, at)
    assert.equal(tally.toBatch().snapshots[0]?.lastSeen, 10)
  })
})
