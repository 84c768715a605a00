import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { digestOf } from '../../src/model/digest.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import { formatSnapshotName } from '../../src/model/snapshot-name.ts'
import type { PackagePage } from '../../src/snapshot/adopt/listed-package.ts'
import type { Adoption, CandidateFile, SnapshotStore } from '../../src/snapshot/store.ts'
import { NOON, createPackage, publishSimply } from '../snapshot/publish-simply.ts'

const MINUTE_MS = 60_000
const RUNS = 30
const HREFS = ['a', 'P/a', 'P/b', 'P/c/d', 'z'] as const

/** What a snapshot lists, by href. */
type Model = ReadonlyMap<string, PackageRecord>

const someModel: fc.Arbitrary<Model> = fc
  .tuple(...HREFS.map(() => fc.constantFrom(undefined, '1', '1', '2', '22')))
  .map((contents) => {
    const listed = HREFS.flatMap((href, index) => {
      const content = contents[index]
      return content === undefined ? [] : [[href, withSource(createPackage(href, content))] as const]
    })
    return new Map(listed)
  })

/** Each form in which a source is stored: the package's own, one of its version, one of another, and none. */
function withSource(one: PackageRecord): PackageRecord {
  const { name, version, release } = one
  const sources = [
    `${name}-${version}-${release}.src.rpm`,
    `source-${version}-${release}.src.rpm`,
    'other-7-1.src.rpm',
    undefined,
  ]
  const source = sources[one.href.length % sources.length]
  return source === undefined ? one : { ...one, source }
}

const someHistory = fc.array(someModel, { minLength: 1, maxLength: 5 })

/** What is done to a mirror: its own syncs, and adoptions before or after all that is there. */
const someSteps = fc.array(
  fc.record({ kind: fc.constantFrom('sync', 'before', 'after'), history: someHistory }),
  { minLength: 2, maxLength: 6 },
)

/** The part of the contract about snapshots of an earlier time. `open` gives a new, empty place. */
export function describeAdoption(open: (t: TestContext) => { open(): SnapshotStore }): void {
  test('every snapshot lists what it lists, in the order of time, whatever was adopted before or after it', async (t) => {
    const store = open(t).open()
    let run = 0
    const property = fc.asyncProperty(someSteps, async (steps) => {
      const mirror = `m${(run += 1)}`
      const models = new Map<string, Model>()
      let [first, last] = [NOON, NOON]
      for (const { kind, history } of steps) {
        const beginsAt = kind === 'before' ? first - history.length * MINUTE_MS : last + MINUTE_MS
        const dated = history.map((model, index) => [beginsAt + index * MINUTE_MS, model] as const)
        for (const [atMs, model] of dated) models.set(formatSnapshotName(atMs), model)
        first = Math.min(first, beginsAt)
        last = Math.max(last, beginsAt + (history.length - 1) * MINUTE_MS)
        if (kind === 'sync')
          for (const [nowMs, model] of dated)
            await publishSimply(store, { mirror, nowMs, packages: [...model.values()] })
        else await adopt(store, mirror, dated)
        await checkModels(store, mirror, models)
      }
    })
    await fc.assert(property, { seed: 20161213, numRuns: RUNS })
  })

  test('nothing is to be seen of them until all are there, and then files and defects as well', async (t) => {
    const place = open(t)
    const [store, other] = [place.open(), place.open()]
    const own = (await publishSimply(store, { packages: [createPackage('a')] })).snapshot
    const adoption = store.adopt('m')
    const files: CandidateFile[] = [
      { path: 'repodata/gone', type: 'other', digest: undefined, size: 3 },
      { path: 'repodata/repomd.xml', type: 'repomd', digest: digestOf('old'), size: 3 },
    ]
    const defects = [{ path: 'repodata/gone', kind: 'missing', message: 'it is' }] as const
    const nowMs = NOON - MINUTE_MS
    await add(adoption, [nowMs, new Map([['a', createPackage('a')]])], { files, defects })
    assert.deepEqual(await other.snapshots('m'), [own])
    assert.deepEqual(await listed(adoption.packages()), [[createPackage('a').checksum], 1])
    await adoption.commit({ configured: true, nowMs: NOON, actor: 'me' })
    await adoption.close()
    const [newest, old, ...more] = await other.snapshots('m')
    assert.deepEqual([newest, more], [own, []])
    assert.ok(old !== undefined && old.seq < own.seq)
    assert.deepEqual([old.createdAt, old.packageCount, old.fingerprint], [nowMs, 1, digestOf(`${nowMs}`)])
    assert.deepEqual(await other.files(old), files)
    assert.deepEqual(await other.defects(old), defects)
    assert.deepEqual(await other.seenRepomd('m'), await store.seenRepomd('m'), 'what upstream showed stays')
    assert.notEqual(await store.seenRepomd('m'), undefined)
  })

  test('after newer ones came, upstream is looked at as if for the first time', async (t) => {
    const store = open(t).open()
    await publishSimply(store, { packages: [createPackage('a')] })
    assert.notEqual(await store.seenRepomd('m'), undefined)
    await adopt(store, 'm', [[NOON + MINUTE_MS, new Map()]])
    assert.equal(await store.seenRepomd('m'), undefined, 'or "unchanged" would mean the adopted one')
  })

  test('one that is given up leaves nothing, not even the mirror', async (t) => {
    const store = open(t).open()
    const adoption = store.adopt('m')
    await add(adoption, [NOON, new Map()])
    await adoption.close()
    assert.deepEqual(await store.mirrors(), [])
  })

  test('those among snapshots that are there are refused, also when these came meanwhile', async (t) => {
    const store = open(t).open()
    await publishSimply(store, { nowMs: NOON })
    for (const times of [[NOON], [NOON - MINUTE_MS, NOON + MINUTE_MS], [NOON + 3 * MINUTE_MS]]) {
      const adoption = store.adopt('m')
      for (const at of times) await add(adoption, [at, new Map()])
      if (times[0] === NOON + 3 * MINUTE_MS) await publishSimply(store, { nowMs: NOON + 5 * MINUTE_MS })
      await assert.rejects(adoption.commit({ configured: true, nowMs: NOON, actor: 'me' }), {
        code: 'ADOPTION_REFUSED',
      })
      await adoption.close()
    }
    assert.equal((await store.snapshots('m')).length, 2)
  })

  test('the index changes once, when the newest does, for a mirror that is in it', async (t) => {
    const store = open(t).open()
    await store.reconcile([{ name: 'm' }], NOON)
    const at = (index: number) => [NOON + index * MINUTE_MS, new Map()] as const
    assert.equal(await adopt(store, 'n', [at(0), at(1)]), undefined)
    assert.equal(await adopt(store, 'm', [at(0), at(1)]), 1)
    assert.equal((await store.index()).current.get('m')?.createdAt, NOON + MINUTE_MS)
    assert.equal(await adopt(store, 'm', [at(-2), at(-1)]), undefined)
    assert.equal(await adopt(store, 'm', [at(5)]), 2)
    const [newest] = await store.history.generations()
    assert.deepEqual(
      [newest?.cause, newest?.changes],
      [
        'adopt',
        [
          {
            mirror: 'm',
            from: formatSnapshotName(NOON + MINUTE_MS),
            to: formatSnapshotName(NOON + 5 * MINUTE_MS),
          },
        ],
      ],
    )
    await store.reconcile([{ name: 'm', pin: formatSnapshotName(NOON) }], NOON)
    assert.equal(await adopt(store, 'm', [at(7)]), undefined, 'a pin holds')
    // The next sync's name comes after all of them, whatever the clock says.
    assert.equal((await publishSimply(store)).snapshot.name, formatSnapshotName(NOON + 8 * MINUTE_MS))
  })

  test('packages of many snapshots are each told once, in pages', async (t) => {
    const store = open(t).open()
    const packages = Array.from({ length: 2_500 }, (_, index) => createPackage(`P/${index}`))
    const model = (count: number) => new Map(packages.slice(0, count).map((one) => [one.href, one] as const))
    const dated = [1_200, 2_500, 10].map((count, index) => [NOON + index * MINUTE_MS, model(count)] as const)
    const adoption = store.adopt('m')
    for (const one of dated) await add(adoption, one)
    const [found, total] = await listed(adoption.packages())
    assert.equal(total, 2_500)
    assert.deepEqual(found, packages.map(({ checksum }) => checksum).toSorted())
    await adoption.commit({ configured: true, nowMs: NOON, actor: 'me' })
    const [last, middle, first] = await store.snapshots('m')
    assert.ok(first !== undefined && middle !== undefined && last !== undefined)
    const between = async (a: typeof first, b: typeof first) =>
      (await listed(adoption.packagesBetween(a, b)))[1]
    assert.deepEqual(
      [
        await between(first, first),
        await between(last, last),
        await between(first, middle),
        await between(middle, last),
      ],
      [1_200, 10, 2_500, 2_500],
    )
    await adoption.close()
  })
}

type Dated = readonly [number, Model]

async function add(
  adoption: Adoption,
  [nowMs, model]: Dated,
  more: Omit<Parameters<typeof publishSimply>[1] & object, 'mirror'> = {},
): Promise<void> {
  const store = { publish: adoption.add.bind(adoption) }
  await publishSimply(store, { ...more, nowMs, packages: [...model.values()] })
}

async function adopt(
  store: SnapshotStore,
  mirror: string,
  dated: readonly Dated[],
): Promise<number | undefined> {
  const adoption = store.adopt(mirror)
  const target = { publish: adoption.add.bind(adoption) }
  for (const [nowMs, model] of dated)
    await publishSimply(target, { mirror, nowMs, packages: [...model.values()] })
  const { generation } = await adoption.commit({ configured: true, nowMs: NOON, actor: 'me' })
  await adoption.close()
  return generation
}

async function listed(pages: AsyncIterable<PackagePage>): Promise<[string[], number]> {
  const digests: string[] = []
  let total = 0
  for await (const page of pages) {
    digests.push(...page.packages.map(({ digest }) => digest))
    ;({ total } = page)
  }
  return [digests.toSorted(), total]
}

async function checkModels(
  store: SnapshotStore,
  mirror: string,
  models: ReadonlyMap<string, Model>,
): Promise<void> {
  const snapshots = await store.snapshots(mirror)
  assert.deepEqual(
    snapshots.map(({ name }) => name),
    [...models.keys()].toSorted().toReversed(),
  )
  for (const [index, snapshot] of snapshots.entries()) {
    assert.ok(index === 0 || snapshot.seq < (snapshots[index - 1]?.seq ?? 0))
    const model = models.get(snapshot.name) ?? new Map<string, PackageRecord>()
    const before = snapshots[index + 1]
    if (before !== undefined)
      for (const one of (await store.differences(before, snapshot)).come)
        assert.equal(one.source, model.get(one.href)?.source, one.href)
    const tops = new Set([...model.keys()].map((href) => href.replace(/\/.*/, '')))
    assert.equal((await store.directory(snapshot, ''))?.length, tops.size)
    for (const href of HREFS) {
      const file = await store.file(snapshot, href)
      assert.deepEqual([file?.digest, file?.size], [model.get(href)?.checksum, model.get(href)?.size], href)
      const rolling = await store.rollingFile(snapshot, href)
      const latest = snapshots.slice(index).find(({ name }) => models.get(name)?.has(href) === true)
      assert.equal(rolling?.snapshot.name, latest?.name)
      assert.equal(rolling?.file.digest, models.get(latest?.name ?? '')?.get(href)?.checksum)
    }
  }
}
