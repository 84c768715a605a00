import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'

import { openDatabase } from '../../../src/snapshot/database.ts'
import type { GcContext } from '../../../src/snapshot/gc/gc-context.ts'
import { sweepPackages } from '../../../src/snapshot/gc/retire.ts'
import { prepareGc } from '../../../src/snapshot/gc/sql-gc.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { createPackage, NOON, publishSimply } from '../publish-simply.ts'

const HREFS = ['a', 'b', 'c', 'd']
const CONTENTS = ['1', '22']
const FILES = HREFS.flatMap((href) => CONTENTS.map((content) => ({ href, content })))

/** What happens to a mirror: a snapshot of some files, a blob that comes or goes, a loss, or a snapshot that is retired. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      publish: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ cache: fc.nat(FILES.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ drop: fc.nat(FILES.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ lose: fc.nat(FILES.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ retire: fc.nat(5) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What is known of the mirror without any table: which file each snapshot has under which href, and which blobs there are. */
class Model {
  readonly snapshots: { readonly name: string; readonly files: ReadonlyMap<string, string> }[] = []
  readonly cached = new Set<string>()
  readonly lost = new Set<string>()

  /** How many files of a snapshot that the newest has not are cached, at risk, and lost. */
  counts(files: ReadonlyMap<string, string>): number[] {
    const newest = this.snapshots.at(-1)?.files
    const counts = [0, 0, 0]
    for (const [href, content] of files) {
      if (newest?.get(href) === content) continue
      const file = `${href} ${content}`
      const state = this.cached.has(file) ? 0 : this.lost.has(file) ? 2 : 1
      counts[state] = (counts[state] ?? 0) + 1
    }
    return counts
  }
}

test('whatever comes, goes and comes back: every snapshot counts what upstream has dropped, and the totals are the sum', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      await play(t, steps)
    }),
    { numRuns: 60 },
  )
})

async function play(t: TestContext, steps: readonly Step[]): Promise<void> {
  const file = join(tempDir(t), 'pinyon.db')
  let scratch = 0
  const store = new SqliteSnapshotStore(file, () => `${file}.${(scratch += 1)}`)
  const database = openDatabase(file)
  const model = new Model()
  const gc = { database, statements: prepareGc(database) } as GcContext
  try {
    for (const one of steps) {
      await apply(store, model, one)
      await sweepPackages(gc)
      await check(store, model)
    }
  } finally {
    database.close()
    await store.close()
  }
}

async function apply(store: SqliteSnapshotStore, model: Model, one: Step): Promise<void> {
  if ('publish' in one) return await publish(store, model, one.publish)
  if ('retire' in one) {
    const name = model.snapshots[one.retire]?.name
    // The newest stays.
    if (name === undefined || one.retire === model.snapshots.length - 1) return
    await store.retire('m', name, NOON)
    model.snapshots.splice(one.retire, 1)
    return
  }
  const { href = '', content = '' } =
    FILES['cache' in one ? one.cache : 'drop' in one ? one.drop : one.lose] ?? {}
  const digest = createPackage(href, content).checksum
  if ('cache' in one) {
    await store.ledger.add(digest, content.length, () => undefined)
    model.cached.add(`${href} ${content}`)
    model.lost.delete(`${href} ${content}`)
  } else if ('drop' in one) {
    await store.ledger.drop(digest, () => true)
    model.cached.delete(`${href} ${content}`)
  } else await lose(store, model, href, content)
}

async function publish(store: SqliteSnapshotStore, model: Model, choices: readonly number[]): Promise<void> {
  const listed = HREFS.flatMap((href, at): [string, string][] => {
    const content = CONTENTS[(choices[at] ?? 0) - 1]
    return content === undefined ? [] : [[href, content]]
  })
  const { snapshot } = await publishSimply(store, {
    packages: listed.map(([href, content]) => createPackage(href, content)),
    nowMs: NOON,
  })
  model.snapshots.push({ name: snapshot.name, files: new Map(listed) })
  // What upstream has again is not lost, and if it leaves once more, nobody was asked since.
  for (const [href, content] of listed) model.lost.delete(`${href} ${content}`)
}

/** In each snapshot that lists it: a file that left, came back and left again is in several rows. */
async function lose(store: SqliteSnapshotStore, model: Model, href: string, content: string): Promise<void> {
  for (const { name, files } of model.snapshots) {
    const snapshot = await store.snapshot('m', name)
    const file = snapshot === undefined ? undefined : await store.departed.find(snapshot, href)
    if (files.get(href) !== content || file?.departure === undefined) continue
    await store.departed.recordLost(file, NOON, 'nobody')
    if (!model.cached.has(`${href} ${content}`)) model.lost.add(`${href} ${content}`)
  }
}

async function check(store: SqliteSnapshotStore, model: Model): Promise<void> {
  const counts = await store.departed.countsBySnapshot('m')
  for (const { name, files } of model.snapshots) {
    const found = counts.get(name)
    assert.deepEqual(
      [found?.cached.count ?? 0, found?.at_risk.count ?? 0, found?.lost.count ?? 0],
      model.counts(files),
      name,
    )
  }
  const files = await store.departed.list('m', { states: ['cached', 'at_risk', 'lost'] })
  const total = (await store.departed.counts()).get('m')
  for (const state of ['cached', 'at_risk', 'lost'] as const) {
    const ofState = files.filter(({ departure }) => departure?.state === state)
    const bytes = ofState.reduce((sum, { size = 0 }) => sum + size, 0)
    assert.deepEqual(total?.[state] ?? { count: 0, bytes: 0 }, { count: ofState.length, bytes })
  }
}
