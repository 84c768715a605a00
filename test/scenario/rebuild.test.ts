import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { createLayout } from '../../src/cache/layout.ts'
import type { Answer } from './rebuild/answers.ts'
import { StoriedFarm, VIEWS } from './rebuild/farm.ts'

/** Each way to lose a database, and what a start says of it. */
const LOSSES: Readonly<Record<string, (database: string) => void>> = {
  deleted: (database) => rmSync(database),
  emptied: (database) => truncateSync(database, 0),
  truncated: (database) => truncateSync(database, statSync(database).size / 2),
  'no database any more': (database) => writeFileSync(database, 'not a database\n'.repeat(10_000)),
  'damaged from its second page on': (database) => {
    const bytes = readFileSync(database)
    bytes.fill(0xa5, 4_096)
    writeFileSync(database, bytes)
  },
}

const COMPARED = ['deleted', 'truncated', 'damaged from its second page on']

function compare(found: ReadonlyMap<string, Answer>, expected: ReadonlyMap<string, Answer>): void {
  for (const [path, answer] of expected) assert.deepEqual(found.get(path), answer, path)
  assert.deepEqual([...found.keys()], [...expected.keys()])
}

test('a database made anew', async (t) => {
  const farm = await StoriedFarm.create(t)
  const whole = farm.copy()

  await t.test('answers as the one that was lost, byte for byte, however it was lost', async () => {
    farm.loseUpstream()
    const expected = await farm.record()
    const statuses = Map.groupBy(expected.values(), ({ status }) => status)
    assert.deepEqual(
      [...statuses.keys()].toSorted((a, b) => a - b),
      [200, 302, 404],
    )
    const generations = readLines(farm, 'generations.jsonl').length - 1
    assert.ok(generations >= 10 && (statuses.get(200)?.length ?? 0) > 300)
    for (const [loss, lose] of Object.entries(LOSSES)) {
      const copy = farm.copy()
      lose(copy.database)
      await assert.rejects(copy.start(), /pinyon verify --rebuild/, loss)
      const report = await copy.rebuild()
      assert.deepEqual([report.left_out, report.broken, report.damaged, report.ok], [[], [], [], true])
      assert.deepEqual([report.mirrors, report.generations, report.views], [3, generations, 2])
      assert.equal(report.retired, 2)
      assert.deepEqual(readMirrors(copy), readMirrors(farm), 'and its inventory says the same')
      // What it is made from does not depend on how it was lost.
      if (COMPARED.includes(loss)) compare(await copy.record(), expected)
    }
  })

  await t.test('goes on: syncs, collections, pins and views', async () => {
    const copy = whole.copy()
    rmSync(copy.database)
    await copy.rebuild()
    const app = await copy.start()
    const before = await app.app.store.index()
    assert.equal((await app.sync('a')).outcome, 'unchanged')
    copy.waitHours(1)
    copy.publish('a', {
      packages: [
        { name: 'p', version: '10' },
        { name: 'q', version: '2.0' },
      ],
    })
    const result = await app.sync('a')
    assert.ok(result.outcome === 'published')
    assert.deepEqual([result.added, result.removed, result.generation], [2, 1, before.generation + 1])
    const { snapshots, blobs } = await app.app.collector.collect({ reconcile: true })
    assert.deepEqual([snapshots.filter(({ goes }) => goes), blobs.unlisted.count], [[], 0])
    const [, older] = await app.app.store.snapshots('a')
    await app.close()
    const pin = { baseurls: ['http://127.0.0.1:9/'], pin: older?.name ?? '' }
    const pinned = await copy.start({ ...copy.mirrors, a: pin })
    assert.ok((await pinned.current('a')).endsWith(`/${older?.name}`))
    assert.equal((await pinned.app.store.index()).generation, before.generation + 2)
    const view = await pinned.app.store.views.find(VIEWS[0])
    assert.ok(view !== undefined && view.generation < before.generation && view.remainingMs > 0)
    // And can be lost again.
    await pinned.close()
    rmSync(copy.database)
    assert.equal((await copy.rebuild()).ok, true)
  })

  await t.test('is what helps where damage is found while serving', async () => {
    const copy = whole.copy()
    const app = await copy.start()
    const bytes = readFileSync(copy.database)
    writeFileSync(copy.database, bytes.fill(0xa5, 4_096))
    // Whatever a start has read is still in memory; of packages it reads none.
    const { status, headers } = await fetch(`${app.url}/repos/yum/a/latest/Packages/none.rpm`)
    assert.equal(status, 500)
    assert.match(headers.get('x-pinyon-reason') ?? '', /the database is damaged.*pinyon verify --rebuild/)
    await app.close()
    assert.equal((await copy.rebuild()).ok, true)
  })
})

function readLines(farm: StoriedFarm, file: string): string[] {
  return readFileSync(join(createLayout(farm.dataDir).inventory, file), 'utf8')
    .trimEnd()
    .split('\n')
}

function readMirrors(farm: StoriedFarm): string[] {
  const directory = join(createLayout(farm.dataDir).inventory, 'mirrors')
  return readdirSync(directory).map((file) => readFileSync(join(directory, file), 'utf8'))
}
