import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import type { Digest } from '../../src/model/digest.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import type { DepartedCounts, DepartedQuery, DepartedState } from '../../src/snapshot/departed/departed.ts'
import type { Snapshot, SnapshotStore } from '../../src/snapshot/store.ts'
import { createPackage, NOON, publishSimply } from '../snapshot/publish-simply.ts'
import { listed } from './pins-and-past.ts'

/** A store, and what stands for the blobs beside it. */
export interface DepartedPlace {
  readonly store: SnapshotStore
  /** Blobs of these digests come, one byte each. */
  cache(...digests: Digest[]): Promise<void>
  /** They go. */
  drop(...digests: Digest[]): Promise<void>
  /** Snapshots that only these listed were retired, and what only they listed is forgotten. */
  sweep(): Promise<void>
}

const ALL: DepartedQuery = { states: ['cached', 'at_risk', 'lost'] }
const MINUTE_MS = 60_000

/** A mirror whose snapshots list these packages, written as `href` or `href=content`. */
class History {
  readonly place: DepartedPlace
  readonly snapshots: Snapshot[] = []

  constructor(place: DepartedPlace) {
    this.place = place
  }

  get store(): SnapshotStore {
    return this.place.store
  }

  async publish(...packages: readonly string[]): Promise<Snapshot> {
    const { snapshot } = await publishSimply(this.store, {
      packages: packages.map(toPackage),
      nowMs: NOON + this.snapshots.length * MINUTE_MS,
    })
    this.snapshots.push(snapshot)
    return snapshot
  }

  async cache(...packages: readonly string[]): Promise<void> {
    await this.place.cache(...packages.map((one) => toPackage(one).checksum))
  }

  /** Packages that left, as `href state`. */
  async departed(query: DepartedQuery = ALL): Promise<string[]> {
    const files = await this.store.departed.list('m', query)
    return files.map(({ href, departure }) => `${href} ${departure?.state}`)
  }

  /** How many are cached, at risk and lost. */
  async counts(): Promise<number[]> {
    return toNumbers((await this.store.departed.counts()).get('m'))
  }

  /** The same, of each snapshot, oldest first. */
  async countsBySnapshot(): Promise<number[][]> {
    const counts = await this.store.departed.countsBySnapshot('m')
    return this.snapshots.map(({ name }) => toNumbers(counts.get(name)))
  }

  async lose(snapshot: Snapshot, href: string, atMs = NOON, answers = 'http://u/ (404)'): Promise<void> {
    const file = await this.store.departed.find(snapshot, href)
    assert.ok(file !== undefined)
    await this.store.departed.recordLost(file, atMs, answers)
  }
}

function toPackage(text: string): PackageRecord {
  const [href = '', content = '1'] = text.split('=')
  return createPackage(href, content)
}

function toNumbers(counts: DepartedCounts | undefined): number[] {
  return (['cached', 'at_risk', 'lost'] satisfies DepartedState[]).map((state) => counts?.[state].count ?? 0)
}

/** The contract of what a snapshot store knows of packages that left upstream. */
export function describeDeparted(open: (t: TestContext) => DepartedPlace): void {
  describe('the contract of packages that left upstream', () => {
    describeStates(open)
    describeLoss(open)
    describeLists(open)
    describeStock(open)
  })
}

function describeStates(open: (t: TestContext) => DepartedPlace): void {
  test('nothing has left a mirror whose snapshots only grow', async (t) => {
    const history = new History(open(t))
    await history.publish('a')
    const second = await history.publish('a', 'b')
    assert.deepEqual(await history.departed(), [])
    assert.deepEqual([...(await history.store.departed.counts())], [])
    assert.deepEqual(await history.countsBySnapshot(), [
      [0, 0, 0],
      [0, 0, 0],
    ])
    assert.equal((await history.store.departed.find(second, 'b'))?.departure, undefined)
    assert.equal(await history.store.departed.find(second, 'c'), undefined)
  })

  test('what left is cached when its blob is there, else at risk; a blob that comes later counts as well', async (t) => {
    const history = new History(open(t))
    await history.cache('a')
    await history.publish('a', 'b', 'c')
    await history.publish('c')
    assert.deepEqual(await history.departed(), ['a cached', 'b at_risk'])
    assert.deepEqual(await history.counts(), [1, 1, 0])
    await history.cache('b')
    assert.deepEqual(await history.departed(), ['a cached', 'b cached'])
    assert.deepEqual(await history.counts(), [2, 0, 0])
    await history.place.drop(toPackage('b').checksum)
    assert.deepEqual(await history.counts(), [1, 1, 0])
  })

  test('bytes are those that were listed', async (t) => {
    const history = new History(open(t))
    await history.publish('a=12345', 'b=123', 'c')
    await history.cache('b=123')
    await history.publish('c')
    const counts = (await history.store.departed.counts()).get('m')
    assert.deepEqual(counts, {
      cached: { count: 1, bytes: 3 },
      at_risk: { count: 1, bytes: 5 },
      lost: { count: 0, bytes: 0 },
    })
  })

  test('each snapshot counts what it lists itself', async (t) => {
    const history = new History(open(t))
    await history.cache('b')
    await history.publish('a', 'b')
    await history.publish('b', 'c')
    await history.publish('d')
    assert.deepEqual(await history.countsBySnapshot(), [
      [1, 1, 0],
      [1, 1, 0],
      [0, 0, 0],
    ])
    assert.deepEqual(await history.counts(), [1, 2, 0])
  })

  test('other bytes under the same href: the older ones have left, and that they were replaced is known', async (t) => {
    const history = new History(open(t))
    const first = await history.publish('a=old', 'b')
    const second = await history.publish('a=new')
    assert.deepEqual(await history.counts(), [0, 2, 0])
    const file = await history.store.departed.find(first, 'a')
    assert.equal(file?.digest, toPackage('a=old').checksum)
    assert.equal(file.departure?.isReplaced, true)
    assert.equal((await history.store.departed.find(first, 'b'))?.departure?.isReplaced, false)
    assert.equal((await history.store.departed.find(second, 'a'))?.departure, undefined)
  })

  test('when it left, and the last snapshot that has it', async (t) => {
    const history = new History(open(t))
    await history.publish('a')
    const second = await history.publish('a', 'b')
    const third = await history.publish('b')
    await history.publish('b', 'c')
    const departure = (await history.store.departed.find(second, 'a'))?.departure
    assert.deepEqual([departure?.lastSnapshot, departure?.leftAt], [second.name, third.createdAt])
  })

  test('what a mirror lists again has not left, in none of its snapshots, until it leaves again', async (t) => {
    const history = new History(open(t))
    await history.publish('a', 'b')
    await history.publish('b')
    await history.publish('a', 'b')
    assert.deepEqual(await history.counts(), [0, 0, 0])
    await history.publish('b')
    assert.deepEqual(await history.countsBySnapshot(), [
      [0, 1, 0],
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ])
    await history.cache('a')
    assert.deepEqual(
      (await history.countsBySnapshot()).map(([cached]) => cached),
      [1, 0, 1, 0],
    )
  })

  test('what no snapshot lists any more is not counted', async (t) => {
    const history = new History(open(t))
    const first = await history.publish('a')
    await history.publish('b')
    await history.publish('c')
    assert.deepEqual(await history.counts(), [0, 2, 0])
    await history.store.retire('m', first.name, NOON)
    assert.deepEqual(await history.departed(), ['b at_risk'])
    await history.place.sweep()
    assert.deepEqual(await history.counts(), [0, 1, 0])
  })
}

function describeLoss(open: (t: TestContext) => DepartedPlace): void {
  test('lost is what every source was asked for, with what they said, until it comes after all', async (t) => {
    const history = new History(open(t))
    const first = await history.publish('a', 'b')
    await history.publish('b')
    await history.lose(first, 'a', NOON + 1, 'http://u/ (404)')
    await history.lose(first, 'a', NOON + 2, 'http://u/ (404), http://v/ (other bytes)')
    assert.deepEqual(await history.counts(), [0, 0, 1])
    const file = await history.store.departed.find(first, 'a')
    const answers = 'http://u/ (404), http://v/ (other bytes)'
    assert.deepEqual(file?.departure?.lost, { askedAt: NOON + 2, times: 2, answers })
    await history.cache('a')
    assert.deepEqual(await history.counts(), [1, 0, 0])
    assert.equal((await history.store.departed.find(first, 'a'))?.departure?.lost, undefined)
  })

  test('what is cached, or still listed, is not lost, whoever says so', async (t) => {
    const history = new History(open(t))
    const first = await history.publish('a', 'b')
    await history.publish('b')
    await history.cache('a')
    await history.lose(first, 'a')
    await history.lose(first, 'b')
    assert.deepEqual(await history.counts(), [1, 0, 0])
    assert.equal((await history.store.departed.find(first, 'b'))?.departure, undefined)
  })

  test('what is lost is at risk again when there are further sources', async (t) => {
    const history = new History(open(t))
    const first = await history.publish('a', 'b')
    await history.publish('b')
    await history.lose(first, 'a')
    await history.store.departed.forgetLost('m')
    await history.store.departed.forgetLost('other')
    assert.deepEqual(await history.departed(), ['a at_risk'])
    assert.equal((await history.store.departed.find(first, 'a'))?.departure?.lost, undefined)
  })
}

function describeLists(open: (t: TestContext) => DepartedPlace): void {
  test('packages by state, by snapshot, and page by page', async (t) => {
    const history = new History(open(t))
    await history.cache('a')
    const first = await history.publish('a', 'b', 'c')
    await history.publish('d')
    await history.publish('e')
    await history.lose(first, 'b')
    assert.deepEqual(await history.departed({ states: ['at_risk'] }), ['c at_risk', 'd at_risk'])
    assert.deepEqual(await history.departed({ states: ['lost', 'cached'], snapshot: first }), [
      'a cached',
      'b lost',
    ])
    const found: string[] = []
    for (let after = 0; ;) {
      const page = await history.store.departed.list('m', { ...ALL, after, limit: 1 })
      found.push(...page.map(({ href }) => href))
      after = page.at(-1)?.packageId ?? 0
      if (page.length === 0) break
    }
    assert.deepEqual(found.toSorted(), ['a', 'b', 'c', 'd'])
    assert.deepEqual(await history.store.departed.list('other', ALL), [])
  })

  test('what jobs get or hold: listed by what is pinned or in a live view', async (t) => {
    const history = new History(open(t))
    const held = async () => await history.departed({ ...ALL, isHeld: true })
    await history.store.reconcile(listed('m'), NOON)
    const first = await history.publish('a')
    await history.publish('b')
    await history.store.views.open('job', { client: 'c' })
    await history.publish('c')
    assert.deepEqual(await held(), ['b at_risk'])
    await history.store.reconcile([{ name: 'm', pin: first.name }], NOON)
    assert.deepEqual(await held(), ['a at_risk', 'b at_risk'])
    await history.store.views.end('job')
    assert.deepEqual(await held(), ['a at_risk'])
    await history.store.reconcile(listed('m'), NOON)
    assert.deepEqual(await held(), [])
  })
}

function describeStock(open: (t: TestContext) => DepartedPlace): void {
  test('how much of each snapshot is cached, once it was counted', async (t) => {
    const history = new History(open(t))
    const { store } = history
    await store.reconcile(listed('m'), NOON)
    const packages = Array.from({ length: 2_500 }, (_, index) => `P/${index}`)
    const first = await history.publish('a', ...packages)
    const second = await history.publish('b', ...packages)
    await history.cache('a', ...packages.slice(0, 1_200))
    assert.deepEqual([(await store.stock.counts()).size, (await store.stock.counts('m')).size], [0, 0])
    await store.stock.recount('m')
    const counts = await store.stock.counts('m')
    assert.deepEqual(counts.get(first.id), { count: 1_201, bytes: 1_201 })
    assert.deepEqual(counts.get(second.id), { count: 1_200, bytes: 1_200 })
    assert.deepEqual([...(await store.stock.counts())], [[second.id, { count: 1_200, bytes: 1_200 }]])
    await store.stock.recount('other')
    await history.cache(packages[1_200] ?? '')
    await store.stock.recountAtOnce('m')
    assert.deepEqual((await store.stock.counts('m')).get(first.id), { count: 1_202, bytes: 1_202 })
    await store.stock.recountAtOnce('other')
  })

  test('what of a snapshot is not cached, with when its name was asked for', async (t) => {
    const history = new History(open(t))
    const { store } = history
    const packages = Array.from({ length: 2_500 }, (_, index) => `P/${index}`)
    const first = await history.publish('a', ...packages)
    const second = await history.publish('b', ...packages)
    await history.cache(...packages.slice(1))
    const names = [{ mirrorId: first.mirrorId, name: 'b', askedAt: NOON }]
    await store.usage.add({ snapshots: [], clients: [], names })
    assert.deepEqual(await missing(store, first), ['0 undefined', 'a undefined'])
    assert.deepEqual(await missing(store, second), ['0 undefined', `b ${NOON}`])
    assert.deepEqual(await missing(store, second, first.seq), [`b ${NOON}`])
    assert.deepEqual(await missing(store, second, second.seq), [])
  })

  test('how far fetching ahead came is remembered', async (t) => {
    const history = new History(open(t))
    const { prefetch } = history.store
    await history.publish('a')
    assert.deepEqual(await prefetch.progress('m'), { seq: undefined, policy: undefined })
    assert.deepEqual(await prefetch.progress('other'), { seq: undefined, policy: undefined })
    await prefetch.setProgress('m', { seq: 1, policy: 'warm' })
    assert.deepEqual(await prefetch.progress('m'), { seq: 1, policy: 'warm' })
  })
}

/** The names of what is missing, with when they were asked for. */
async function missing(store: SnapshotStore, snapshot: Snapshot, newerThan?: number): Promise<string[]> {
  const found: string[] = []
  for await (const page of store.prefetch.packages(snapshot, { newerThan }))
    found.push(...page.map(({ name, askedAt }) => `${name} ${askedAt}`))
  return found.toSorted()
}
