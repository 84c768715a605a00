import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { createLayout } from '../../src/cache/layout.ts'
import type {
  GenerationLine,
  MirrorLine,
  SnapshotLine,
} from '../../src/snapshot/inventory/inventory-format.ts'
import { openDatabase } from '../../src/snapshot/database.ts'
import { openLines } from '../../src/snapshot/inventory/sealed-lines.ts'
import { readViews } from '../../src/snapshot/inventory/view-lines.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import { LogRecorder } from '../http/log-recorder.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'

/** A server of one mirror, and what its inventory says. */
async function startPlace(t: TestContext) {
  const root = tempDir(t)
  const dataDir = tempDir(t)
  const log = new LogRecorder()
  let nowMs = Date.UTC(2026, 0, 1)
  const now = () => (nowMs += 60_000)
  const start = async () =>
    await startApp(t, { dataDir, log: log.logger, now, mirrors: { m: `file://${root}/` } })
  const { inventory } = createLayout(dataDir)
  const read = (file: string) => openLines(readFileSync(join(inventory, file), 'utf8'))
  let serial = 0
  return {
    log,
    dataDir,
    inventory,
    start,
    path: (file: string) => join(inventory, file),
    publish: () => writeSyntheticRepository(root, { packages: [{ name: 'p', version: `${(serial += 1)}` }] }),
    text: (file: string) => readFileSync(join(inventory, file), 'utf8'),
    generations: () => read('generations.jsonl').values.slice(1) as GenerationLine[],
    snapshots: () =>
      (read('mirrors/m.jsonl').values.slice(1) as SnapshotLine[]).map(({ snapshot }) => snapshot),
    mirror: () => (read('mirrors/m.jsonl').values[0] as MirrorLine).mirror,
    views: () => readViews(readFileSync(join(inventory, 'views.jsonl'), 'utf8')),
  }
}

describe('the inventory', () => {
  test('of a server that never had anything is none', async (t) => {
    const place = await startPlace(t)
    const { app, close } = await place.start()
    assert.equal(await app.inventory.update(), true)
    await close()
    assert.equal(existsSync(place.inventory), false)
  })

  test('says what was published, made current, retired, frozen and removed', async (t) => {
    const place = await startPlace(t)
    const { app, sync, close } = await place.start()
    for (let round = 0; round < 2; round += 1) {
      place.publish()
      await sync('m')
    }
    await app.store.views.open('job', { client: '192.0.2.1' })
    assert.equal(await app.inventory.update(), true)
    const [first, second] = place.snapshots()
    assert.deepEqual(
      place.generations().map(({ number, cause, changes }) => [number, cause, changes]),
      [
        [1, 'sync', [['m', first?.name]]],
        [2, 'sync', [['m', second?.name]]],
      ],
    )
    assert.deepEqual([first?.seq, first?.retired_at, second?.seq], [1, null, 2])
    assert.equal(place.views().views.get('job')?.['generation'], 2)
    await app.store.views.end('job')
    const generation = await app.store.reconcile([], Date.UTC(2026, 1, 1))
    assert.equal(await app.inventory.update(), true)
    assert.equal(place.views().views.size, 0)
    assert.deepEqual(place.generations().at(-1)?.changes, [['m', null]])
    assert.equal(place.generations().at(-1)?.number, generation)
    assert.equal(place.mirror()['removed_at'], Date.UTC(2026, 1, 1))
    await close()
  })

  test('is told by its server what other processes did', async (t) => {
    const place = await startPlace(t)
    const { app, sync } = await place.start()
    place.publish()
    const { snapshot } = await sync('m')
    place.publish()
    await sync('m')
    await app.inventory.update()
    const other = new SqliteSnapshotStore(createLayout(place.dataDir).database)
    await other.retire('m', snapshot.name, 4_711)
    await other.close()
    assert.equal(await app.inventory.update(), true)
    assert.equal(place.snapshots()[0]?.retired_at, 4_711)
  })

  test('is written when the server ends, and by itself within seconds', async (t) => {
    const place = await startPlace(t)
    const { sync, close } = await place.start()
    place.publish()
    await sync('m')
    await close()
    assert.equal(place.generations().length, 1)
  })

  test('goes on behind what a crash has torn off', async (t) => {
    const place = await startPlace(t)
    const { app, sync } = await place.start()
    place.publish()
    await sync('m')
    await app.inventory.update()
    const whole = place.text('generations.jsonl')
    place.publish()
    await sync('m')
    appendFileSync(place.path('generations.jsonl'), '{"number":2,"created_at":17')
    await app.inventory.update()
    const { values, damaged } = openLines(place.text('generations.jsonl'))
    assert.deepEqual([values.length, damaged], [3, []])
    assert.ok(place.text('generations.jsonl').startsWith(whole))
  })

  test('heals at the next start, whatever has become of it', async (t) => {
    const place = await startPlace(t)
    const first = await place.start()
    place.publish()
    await first.sync('m')
    await first.app.store.views.open('job', { client: '192.0.2.1' })
    await first.close()
    const files = ['generations.jsonl', 'mirrors/m.jsonl', 'views.jsonl']
    const texts = files.map(place.text)
    const damages: ((file: string) => void)[] = [
      (file) => truncateSync(file, 20),
      (file) => writeFileSync(file, readFileSync(file, 'utf8').replace('1', '2')),
      (file) => rmSync(file),
    ]
    for (const damage of damages) {
      // The head of the generations says whose they are: without it they are taken for another's.
      for (const file of files.slice(1)) damage(place.path(file))
      const app = await place.start()
      assert.equal(await app.app.inventory.update(), true)
      await app.close()
      assert.deepEqual(files.slice(0, 2).map(place.text), texts.slice(0, 2))
      assert.deepEqual([...place.views().views.keys()], ['job'])
    }
  })

  test('of another database is put aside, not overwritten', async (t) => {
    const [place, other] = [await startPlace(t), await startPlace(t)]
    for (const one of [place, other]) {
      const app = await one.start()
      one.publish()
      await app.sync('m')
      await app.close()
    }
    const theirs = other.text('generations.jsonl')
    writeFileSync(place.path('generations.jsonl'), theirs)
    const app = await place.start()
    await app.app.inventory.update()
    await app.close()
    const aside = readdirSync(place.dataDir).find((name) => name.startsWith('inventory.v1.'))
    assert.equal(readFileSync(join(place.dataDir, aside ?? '', 'generations.jsonl'), 'utf8'), theirs)
    assert.notEqual(place.text('generations.jsonl').split('\n')[0], theirs.split('\n')[0])
    assert.equal(place.generations().length, 1)
  })

  test('of more than the database has by now is put aside', async (t) => {
    const place = await startPlace(t)
    const first = await place.start()
    for (let round = 0; round < 2; round += 1) {
      place.publish()
      await first.sync('m')
    }
    await first.close()
    const before = place.text('mirrors/m.jsonl')
    const database = openDatabase(createLayout(place.dataDir).database)
    database.exec('PRAGMA foreign_keys = OFF; DELETE FROM snapshot WHERE seq = 1')
    database.close()
    const app = await place.start()
    assert.equal(await app.app.inventory.update(), true)
    assert.equal(place.snapshots().length, 1)
    const aside = readdirSync(place.dataDir).find((name) => name.startsWith('inventory.v1.'))
    assert.equal(readFileSync(join(place.dataDir, aside ?? '', 'mirrors/m.jsonl'), 'utf8'), before)
  })

  test('that cannot be written keeps nobody from anything, and is tried again', async (t) => {
    const place = await startPlace(t)
    const { app, sync, url } = await place.start()
    await app.inventory.update()
    writeFileSync(place.inventory, 'where a directory should be')
    for (let round = 0; round < 2; round += 1) {
      place.publish()
      await sync('m')
      assert.equal(await app.inventory.update(), false)
    }
    assert.equal((await fetch(`${url}/repos/views/job/all_latest.json`)).status, 200)
    const told = () =>
      place.log.lines.filter(({ msg }) => String(msg).startsWith('inventory')).map(({ msg }) => msg)
    assert.deepEqual(told(), ['inventory not written yet'])
    rmSync(place.inventory)
    assert.equal(await app.inventory.update(), true)
    assert.deepEqual(told(), ['inventory not written yet', 'inventory written again'])
    assert.deepEqual([place.generations().length, place.views().views.size], [2, 1])
  })

  test('of views is made anew once it is mostly of views that are no more', async (t) => {
    const place = await startPlace(t)
    const { app, sync } = await place.start()
    place.publish()
    await sync('m')
    const names = Array.from({ length: 300 }, (_, at) => `job-${at}`)
    await Promise.all(names.map((name) => app.store.views.open(name, { client: '192.0.2.1' })))
    await app.inventory.update()
    for (const name of names.slice(1)) await app.store.views.end(name)
    await app.inventory.update()
    assert.deepEqual([place.views().lines > 600, place.views().views.size], [true, 1])
    await app.store.views.open('one-more', { client: '192.0.2.1' })
    await app.inventory.update()
    assert.deepEqual([place.views().lines, place.views().views.size], [3, 2])
  })
})
