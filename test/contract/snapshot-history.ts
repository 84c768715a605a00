import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { digestOf, type Digest } from '../../src/model/digest.ts'
import { compareText } from '../../src/model/nevra.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import type {
  CandidateFile,
  DirectoryEntry,
  PublishedSnapshot,
  SnapshotStore,
} from '../../src/snapshot/store.ts'
import { createPackage, publishSimply, NOON } from '../snapshot/publish-simply.ts'

const RUNS = 25

/** A mirror's packages by href, as a plain model of what a snapshot lists. */
type Model = ReadonlyMap<string, PackageRecord>

const HREFS = ['a', 'a/b', 'P/a', 'P/b', 'P/c/d', 'P/c/e', 'q+~^', 'z'] as const

/** A state of a repository: which of the hrefs are there, and with which of three contents. */
const someModel: fc.Arbitrary<Model> = fc
  .tuple(...HREFS.map(() => fc.constantFrom(undefined, undefined, '1', '22', '333')))
  .map((contents) => {
    const listed = HREFS.flatMap((href, index) => {
      const content = contents[index]
      return content === undefined ? [] : [[href, createPackage(href, content)] as const]
    })
    return new Map(listed)
  })

/** What a directory of a model holds: directories first, then by name. */
function listModel(model: Model, directory: string): DirectoryEntry[] {
  const prefix = directory === '' ? '' : `${directory}/`
  const below = [...model.values()].filter(({ href }) => href.startsWith(prefix))
  const rests = below.map(({ href, size }) => ({ rest: href.slice(prefix.length), size }))
  const directories = new Set(
    rests.flatMap(({ rest }) => (rest.includes('/') ? [rest.replace(/\/.*/, '')] : [])),
  )
  const files = rests.filter(({ rest }) => !rest.includes('/'))
  return [
    ...[...directories].toSorted(compareText).map((name) => ({ name, directory: true, size: undefined })),
    ...files
      .toSorted((a, b) => compareText(a.rest, b.rest))
      .map(({ rest, size }) => ({ name: rest, directory: false, size })),
  ]
}

/** The part of the contract about what a mirror's snapshots list, one after the other. */
export function describeHistory(open: (t: TestContext) => SnapshotStore): void {
  test('every snapshot lists what it listed, whatever came after', async (t) => {
    const store = open(t)
    let run = 0
    const property = fc.asyncProperty(
      fc.array(someModel, { minLength: 20, maxLength: 20 }),
      async (models) => {
        const mirror = `m${(run += 1)}`
        const published: PublishedSnapshot[] = []
        for (const model of models) {
          const result = await publishSimply(store, { mirror, packages: [...model.values()] })
          assert.deepEqual([result.added, result.removed], countChanges(models[published.length - 1], model))
          published.push(result)
        }
        for (const [index, { snapshot }] of published.entries()) {
          await checkFiles(store, snapshot, models[index] ?? new Map())
          await checkRolling(store, snapshot, models.slice(0, index + 1), published)
          for (const directory of ['', 'a', 'P', 'P/c'])
            assert.deepEqual(
              (await store.directory(snapshot, directory)) ?? [],
              listModel(models[index] ?? new Map(), directory),
            )
        }
      },
    )
    await fc.assert(property, { seed: 20161213, numRuns: RUNS })
  })

  test('the rolling view finds repodata of earlier snapshots, but what is missing now stays missing', async (t) => {
    const store = open(t)
    const first = await publishSimply(store, {
      files: [otherFile('repodata/1', digestOf('1')), otherFile('repodata/x', digestOf('x'))],
    })
    const second = await publishSimply(store, { files: [otherFile('repodata/x', undefined)] })
    const third = await publishSimply(store, { files: [] })
    const find = async (published: PublishedSnapshot, path: string) => {
      const found = await store.rollingFile(published.snapshot, path)
      return found && [found.snapshot.seq, found.file.digest]
    }
    assert.deepEqual(await find(third, 'repodata/1'), [1, digestOf('1')])
    assert.deepEqual(await find(second, 'repodata/x'), [2, undefined])
    assert.deepEqual(await find(third, 'repodata/x'), [1, digestOf('x')])
    assert.deepEqual(await find(first, 'repodata/x'), [1, digestOf('x')])
    assert.deepEqual(await store.newest('m'), third.snapshot)
    assert.equal(await store.newest('other'), undefined)
  })

  test('the rolling view tells of a file what its snapshot does, of whatever kind it is', async (t) => {
    const store = open(t)
    const { snapshot } = await publishSimply(store, {
      packages: [createPackage('a')],
      files: [otherFile('repodata/1', digestOf('1')), { ...otherFile('e', digestOf('e')), type: 'extra' }],
      candidate: { extras: [{ path: 'late', digest: digestOf('late') }] },
    })
    const kinds: Record<string, string | undefined> = {}
    for (const path of ['a', 'repodata/1', 'e', 'late', 'none']) {
      const file = await store.file(snapshot, path)
      assert.deepEqual(await store.rollingFile(snapshot, path), file && { snapshot, file })
      kinds[path] = file?.kind
    }
    assert.deepEqual(kinds, {
      a: 'package',
      'repodata/1': 'repodata',
      e: 'extra',
      late: 'extra',
      none: undefined,
    })
    // What was beside the packages of an earlier one is its own.
    const { snapshot: next } = await publishSimply(store, { nowMs: NOON + 60_000 })
    assert.equal((await store.rollingFile(next, 'a'))?.snapshot.seq, 1)
    assert.equal(await store.rollingFile(next, 'late'), undefined)
  })

  test('directories of many packages are listed whole', async (t) => {
    const store = open(t)
    const packages = Array.from({ length: 7_001 }, (_, index) => createPackage(`P/${index % 7}/${index}`))
    const { snapshot } = await publishSimply(store, { packages })
    assert.deepEqual(
      (await store.directory(snapshot, 'P'))?.map(({ name }) => name),
      ['0', '1', '2', '3', '4', '5', '6'],
    )
    assert.equal((await store.directory(snapshot, 'P/0'))?.length, 1_001)
  })
}

function countChanges(before: Model | undefined, after: Model): [number, number] {
  const differ = (a: Model | undefined, b: Model | undefined) =>
    [...(a ?? [])].filter(([href, { checksum }]) => b?.get(href)?.checksum !== checksum).length
  return [differ(after, before), differ(before, after)]
}

async function checkFiles(
  store: SnapshotStore,
  snapshot: PublishedSnapshot['snapshot'],
  model: Model,
): Promise<void> {
  assert.equal(snapshot.packageCount, model.size)
  for (const href of HREFS) {
    const file = await store.file(snapshot, href)
    assert.deepEqual([file?.digest, file?.size], [model.get(href)?.checksum, model.get(href)?.size])
  }
}

async function checkRolling(
  store: SnapshotStore,
  snapshot: PublishedSnapshot['snapshot'],
  models: readonly Model[],
  published: readonly PublishedSnapshot[],
): Promise<void> {
  for (const href of HREFS) {
    const index = models.findLastIndex((model) => model.has(href))
    const found = await store.rollingFile(snapshot, href)
    assert.equal(found?.file.digest, models[index]?.get(href)?.checksum)
    assert.equal(found?.snapshot.name, published[index]?.snapshot.name)
  }
}

function otherFile(path: string, digest: Digest | undefined): CandidateFile {
  return { path, type: 'other', digest, size: 1 }
}
