import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { blobPath, createLayout } from '../../src/cache/layout.ts'
import { digestHex } from '../../src/model/digest.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { LogRecorder } from './log-recorder.ts'

const REMOVED =
  'somebody has removed stored files: the directory is made again, and they are fetched again when they are asked for'

async function startStored(t: TestContext) {
  const root = tempDir(t)
  // Of two sizes: what is kept in memory, and what is only kept open.
  const wholes = ['a', 'b', 'c', 'd'].map((name, at) => ({ name, content: at % 2 === 0 ? 2_000 : 300_000 }))
  const { packages } = writeSyntheticRepository(root, { packages: wholes })
  const upstream = await startUpstream(t, root)
  const log = new LogRecorder()
  const app = await startApp(t, { mirrors: { m: upstream.url }, log: log.logger })
  await app.sync('m')
  const base = await app.current('m')
  const find = (name: string) => {
    const found = packages.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no such package: ${name}`)
    return found
  }
  const get = async (name: string) => {
    const { href, path } = find(name)
    const reply = await httpGet(`${base}/${href}`)
    assert.ok(reply.status === 200 && reply.complete && reply.body.equals(readFileSync(path)), name)
    return String(reply.headers['x-cache'])
  }
  const layout = createLayout(app.dataDir)
  const isStored = (name: string) => existsSync(blobPath(layout, find(name).checksum))
  return { app, base, layout, log, find, get, isStored }
}

/** Asks until it is no hit: what was removed is found to be gone in the background. */
async function missed(get: (name: string) => Promise<string>, name: string): Promise<string> {
  for (;;) {
    const outcome = await get(name)
    if (outcome !== 'hit') return outcome
  }
}

test('blobs that somebody removes while the server runs are made room for again, and fetched again', async (t) => {
  const { base, layout, log, get, isStored } = await startStored(t)
  for (const name of ['a', 'b']) while ((await get(name)) !== 'hit');
  rmSync(layout.blobs, { recursive: true })
  assert.equal(await get('c'), 'fill')
  while ((await get('c')) !== 'hit');
  assert.ok(isStored('c'))
  for (const name of ['a', 'b']) {
    assert.equal(await missed(get, name), 'fill', name)
    while ((await get(name)) !== 'hit');
    assert.ok(isStored(name), name)
  }
  for (const path of ['repodata/repomd.xml', 'repodata/primary.xml.gz'])
    assert.notEqual((await httpGet(`${base}/${path}`)).status, 500, path)
  assert.deepEqual(
    log.of(REMOVED).map(({ level, directory }) => [level, directory]),
    [['error', layout.blobs]],
  )
})

test('so is the directory of temporary files alone, and one of blobs alone', async (t) => {
  const { app, layout, log, find, get, isStored } = await startStored(t)
  rmSync(layout.temporary, { recursive: true })
  assert.equal(await get('a'), 'fill')
  while ((await get('a')) !== 'hit');
  assert.deepEqual(
    log.of(REMOVED).map(({ directory }) => directory),
    [layout.temporary],
  )
  const bucket = join(layout.blobs, 'sha256', digestHex(find('a').checksum).slice(0, 2))
  rmSync(bucket, { recursive: true })
  // As it does every hour.
  await app.app.collector.collect({ reconcile: true })
  assert.equal(await get('a'), 'fill')
  while ((await get('a')) !== 'hit');
  assert.ok(isStored('a'))
  assert.deepEqual(
    log.of(REMOVED).map(({ directory }) => directory),
    [layout.temporary, bucket],
  )
})
