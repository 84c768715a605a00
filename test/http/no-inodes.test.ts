import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { hasFewFiles, readFreeBytes } from '../../src/cache/free-space.ts'
import { checkDisk } from '../../src/cli/doctor/check-machine.ts'
import { mountSmallDisk } from '../cache/small-disk.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const PACKAGES = 100
/** Each package is a file, and nearly each a directory: of so many not half the packages have room. */
const INODES = 160

/** A server on a disk of many bytes and few inodes; undefined where none can be mounted. */
async function startWithFewInodes(t: TestContext) {
  const dataDir = mountSmallDisk(t, `size=64m,nr_inodes=${INODES}`)
  if (dataDir === undefined) return undefined
  const root = tempDir(t)
  const wholes = Array.from({ length: PACKAGES }, (_, at) => ({ name: `p${at}`, content: 2_000 }))
  const { packages } = writeSyntheticRepository(root, { packages: wholes })
  const upstream = await startUpstream(t, root)
  const app = await startApp(t, { dataDir, mirrors: { m: upstream.url } })
  await app.sync('m')
  const base = await app.current('m')
  const get = async (at: number) => {
    const found = packages[at]
    const reply = await httpGet(`${base}/${found?.href}`)
    assert.ok(reply.status === 200 && reply.complete, `${at}: ${reply.status}`)
    assert.ok(reply.body.equals(readFileSync(found?.path ?? '')), `${at} is right`)
    return String(reply.headers['x-cache'])
  }
  const cache = async () =>
    JSON.parse((await httpGet(`${app.url}/api/v1/cache`)).body.toString()) as Record<string, unknown>
  return { app, dataDir, get, cache }
}

/** Takes all inodes but some. */
function takeInodes(directory: string, left = 0): string {
  const others = join(directory, 'others')
  mkdirSync(others)
  for (let at = 0; statfsSync(directory).ffree > left; at += 1) writeFileSync(join(others, `${at}`), '')
  return others
}

test('on a disk that has bytes and too few inodes, what was used least gives way', async (t) => {
  const site = await startWithFewInodes(t)
  if (site === undefined) return t.skip('no disk can be mounted')
  for (let at = 0; at < PACKAGES; at += 1) assert.equal(await site.get(at), 'fill', `package ${at}`)
  const { blobs, full } = await site.cache()
  assert.equal(full, false)
  assert.ok(Number(blobs) < PACKAGES / 2, `${Number(blobs)} have room`)
  let outcome = await site.get(PACKAGES - 1)
  while (outcome === 'join') outcome = await site.get(PACKAGES - 1)
  assert.equal(outcome, 'hit')
})

test('on a disk whose inodes others have taken, room is made as well, and it is told', async (t) => {
  const site = await startWithFewInodes(t)
  if (site === undefined) return t.skip('no disk can be mounted')
  for (let at = 0; at < 30; at += 1) while ((await site.get(at)) !== 'hit');
  const levels = () =>
    checkDisk({ dataDir: site.dataDir, cache: site.app.app.config.cache }).map(
      ({ check, level }) => `${check} ${level}`,
    )
  assert.deepEqual(levels(), ['data_dir ok', 'disk warn', 'inodes ok'])
  const others = takeInodes(site.dataDir)
  assert.deepEqual(levels(), ['data_dir fail', 'inodes fail'])
  assert.equal((await site.cache())['few_inodes'], true)
  assert.equal(await site.get(30), 'fill')
  assert.equal((await site.cache())['few_inodes'], false)
  rmSync(others, { recursive: true })
  assert.deepEqual(levels(), ['data_dir ok', 'disk warn', 'inodes ok'])
  while ((await site.get(30)) !== 'hit');
})

test('what is missing of inodes counts as so many average blobs, and only where there are too few', (t) => {
  const disk = mountSmallDisk(t, 'size=64m,nr_inodes=200')
  if (disk === undefined) return t.skip('no disk can be mounted')
  const stored = { count: 4, bytes: 4_002 }
  assert.equal(readFreeBytes(disk, stored), readFreeBytes(disk))
  takeInodes(disk, 10)
  assert.deepEqual([hasFewFiles(disk), readFreeBytes(disk, stored)], [false, readFreeBytes(disk)])
  writeFileSync(join(disk, 'one'), '')
  writeFileSync(join(disk, 'two'), '')
  assert.deepEqual([hasFewFiles(disk), readFreeBytes(disk, stored)], [true, -2 * 1_001])
  assert.equal(readFreeBytes(disk, { count: 0, bytes: 0 }), 0)
})
