import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { mountSmallDisk } from '../cache/small-disk.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']

/** A server that may store much more than its disk of 3 MiB holds; undefined where no disk can be mounted. */
async function startOnSmallDisk(t: TestContext) {
  const dataDir = mountSmallDisk(t)
  if (dataDir === undefined) return undefined
  const root = tempDir(t)
  const wholes = [...NAMES.map((name) => ({ name, content: 500_000 })), { name: 'large', content: 4_000_000 }]
  const { packages } = writeSyntheticRepository(root, { packages: wholes })
  const upstream = await startUpstream(t, root)
  const app = await startApp(t, { dataDir, mirrors: { m: upstream.url } })
  await app.sync('m')
  const base = await app.current('m')
  const get = async (name: string) => {
    const found = packages.find((one) => one.name === name)
    const reply = await httpGet(`${base}/${found?.href}`)
    assert.ok(reply.status === 200 && reply.complete, `${name}: ${reply.status}`)
    assert.ok(reply.body.equals(readFileSync(found?.path ?? '')), `${name} is right`)
    return reply.headers['x-cache']
  }
  return { app, dataDir, get }
}

test('on a disk smaller than the cache may be, what was used least gives way, and what never fits is passed through', async (t) => {
  const site = await startOnSmallDisk(t)
  if (site === undefined) return t.skip('no disk can be mounted')
  for (const name of [...NAMES, ...NAMES]) assert.equal(await site.get(name), 'fill')
  // A client has all of it a moment before it is stored.
  let outcome = await site.get('f')
  while (outcome === 'join') outcome = await site.get('f')
  assert.equal(outcome, 'hit')
  assert.equal(await site.get('large'), 'bypass')
})

test('on a disk that others have filled everything is served, and a collection makes room', async (t) => {
  const site = await startOnSmallDisk(t)
  if (site === undefined) return t.skip('no disk can be mounted')
  const { app, dataDir, get } = site
  for (const name of ['a', 'b']) while ((await get(name)) !== 'hit');
  const others = fillDisk(dataDir)
  assert.equal(await get('large'), 'bypass')
  const { dryRun, blobs } = await app.app.collector.collect()
  assert.deepEqual([dryRun, blobs.evicted.count > 0], [false, true])
  const view = await httpGet(`${app.url}/repos/views/job/all_latest.json`)
  assert.equal(view.status, 200, 'and there is room for a view')
  for (const file of others) rmSync(file)
  for (const name of ['a', 'b']) await get(name)
})

/** Fills a disk to its last byte; returns the files. */
function fillDisk(directory: string): string[] {
  const files: string[] = []
  for (const bytes of [100_000, 4_096, 1])
    for (;;) {
      const file = join(directory, `other-${files.length}`)
      files.push(file)
      try {
        writeFileSync(file, Buffer.alloc(bytes))
      } catch {
        break
      }
    }
  return files
}
