import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'

import { DiskBlobStore } from '../../src/cache/disk-blob-store.ts'
import { blobPath, createLayout } from '../../src/cache/layout.ts'
import { NO_LEDGER, type BlobLedger } from '../../src/cache/blob-ledger.ts'
import { createUnlimitedQuota, Quota } from '../../src/cache/quota.ts'
import { digestHex, digestOf } from '../../src/model/digest.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { describeBlobStore, mustOpen, put, readWhole } from '../contract/blob-store.ts'
import { mustRun } from '../support/run-command.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { COUNTS_FILES, openFiles, waitForOpenFiles } from './open-files.ts'
import { createPlace, openPeer, type Place } from './place.ts'
import { mountSmallDisk, waitForRoom } from './small-disk.ts'

const CHILD = new URL('publishing-child.ts', import.meta.url).pathname
const LIVING = 'aaaaaaaaaaaaaaaa'
const DEAD = 'dddddddddddddddd'

describeBlobStore('the disk blob store', async (t, place) => {
  if (!place.has('place')) place.set('place', createPlace(t))
  return (await openPeer(t, place.get('place') as Place)).blobs
})

describe('the disk blob store as files', () => {
  test('names a blob by its digest, and leaves nothing temporary', async (t) => {
    const place = createPlace(t)
    const { blobs } = await openPeer(t, place)
    const digest = digestOf('content', 'sha512')
    await put(blobs, digest, Buffer.from('content'))
    await assert.rejects(put(blobs, digestOf('other'), Buffer.from('content')), { code: 'DIGEST_MISMATCH' })
    const hex = digestHex(digest)
    const path = join(place.layout.blobs, 'sha512', hex.slice(0, 2), hex.slice(2))
    assert.equal(readFileSync(path, 'utf8'), 'content')
    assert.deepEqual(place.temporaries(), [])
  })

  test('sweeps what dead processes left, and nothing of the living', async (t) => {
    const layout = createLayout(tempDir(t))
    mkdirSync(layout.temporary, { recursive: true })
    const kept = [`${LIVING}-blob1`, `${LIVING}-scratch2`, `${LIVING}-scratch2-wal`]
    const swept = [`${DEAD}-blob1`, `${DEAD}-scratch1-journal`, 'stray']
    for (const name of [...kept, ...swept]) writeFileSync(join(layout.temporary, name), 'half')
    await DiskBlobStore.open(layout, { processId: LIVING, isAlive: (id) => id === LIVING })
    const there = (name: string) => existsSync(join(layout.temporary, name))
    assert.deepEqual([kept.every(there), swept.some(there)], [true, false])
  })

  test('counts a blob once at every moment: as set aside until it is entered', async (t) => {
    const layout = createLayout(tempDir(t))
    const quota = createUnlimitedQuota()
    const counted: number[] = []
    let stored = 0
    const count = () => counted.push(stored + quota.reservedBytes)
    const add: BlobLedger['add'] = async (_digest, size, put) => {
      count()
      put()
      stored += size
      count()
    }
    const ledger = { ...NO_LEDGER, add }
    const processes = { processId: LIVING, isAlive: () => true }
    const blobs = await DiskBlobStore.open(layout, processes, { quota, ledger })
    const bytes = Buffer.from('content')
    const writer = await blobs.create({ digest: digestOf(bytes), size: bytes.length })
    await writer.write(bytes.subarray(0, 3))
    assert.equal(quota.writtenBytes, 3, 'of what is set aside')
    await writer.write(bytes.subarray(3))
    await writer.publish()
    count()
    await writer.close()
    assert.deepEqual(counted, [7, 7, 7])
    assert.equal(quota.writtenBytes, 0)
  })

  test('gives back what was set aside for a file that cannot be removed', async (t) => {
    const layout = createLayout(tempDir(t))
    const quota = createUnlimitedQuota()
    const blobs = await DiskBlobStore.open(layout, { processId: LIVING, isAlive: () => true }, { quota })
    const writer = await blobs.create({ digest: digestOf('content'), size: 7 })
    assert.equal(quota.reservedBytes, 7)
    rmSync(writer.location)
    mkdirSync(writer.location)
    await assert.rejects(writer.close())
    assert.equal(quota.reservedBytes, 0)
  })

  test('lacks what it has not got, and nothing that it cannot tell of', async (t) => {
    const place = createPlace(t)
    const { blobs } = await openPeer(t, place)
    const [there, absent] = [digestOf('content'), digestOf('other')]
    await put(blobs, there, Buffer.from('content'))
    assert.deepEqual([blobs.lacks(there), blobs.lacks(absent)], [false, true])
    rmSync(place.layout.blobs, { recursive: true })
    symlinkSync(place.layout.blobs, place.layout.blobs)
    assert.equal(blobs.lacks(absent), false)
  })

  test('tells of room while the file is made, and of none not at all', async (t) => {
    const layout = createLayout(tempDir(t))
    const quota = new Quota({ maxBytes: () => 10, storedBytes: () => 0, makeRoom: async () => undefined })
    const blobs = await DiskBlobStore.open(layout, { processId: LIVING, isAlive: () => true }, { quota })
    let told = 0
    const create = async (size: number) =>
      await blobs.create({ digest: digestOf('x'), size }, () => (told += 1))
    await assert.rejects(create(11), { code: 'CACHE_FULL' })
    assert.equal(told, 0)
    const writer = await create(10)
    assert.equal(told, 1)
    await writer.close()
  })

  test('makes directories again that somebody has removed, but not in another data directory', async (t) => {
    const { layout } = createPlace(t)
    mkdirSync(layout.claims)
    const vanished: string[] = []
    const onVanished = (directory: string) => vanished.push(directory)
    const blobs = await DiskBlobStore.open(layout, { processId: LIVING, isAlive: () => true }, { onVanished })
    const bytes = Buffer.from('content')
    const digest = digestOf(bytes)
    for (const directory of [layout.blobs, layout.temporary, dirname(blobPath(layout, digest))]) {
      await put(blobs, digest, bytes)
      rmSync(directory, { recursive: true })
    }
    await put(blobs, digest, bytes)
    assert.deepEqual(vanished, [layout.blobs, layout.temporary, dirname(blobPath(layout, digest))])
    rmSync(layout.blobs, { recursive: true })
    rmSync(layout.claims, { recursive: true })
    await assert.rejects(put(blobs, digest, bytes), { code: 'STORE_FAILED', message: /ENOENT/ })
    assert.equal(existsSync(layout.blobs), false)
  })

  test('keeps no file open, whatever becomes of it', COUNTS_FILES, async (t) => {
    const place = createPlace(t)
    const { blobs } = await openPeer(t, place)
    const bytes = Buffer.from('content')
    const digest = digestOf(bytes)
    for (let round = 0; round < 300; round += 1) {
      await put(blobs, digest, bytes)
      await assert.rejects(put(blobs, digestOf('other'), bytes))
      const writer = await blobs.create({ digest })
      const partial = await blobs.openPartial(writer.location)
      const blob = await mustOpen(blobs, digest)
      blob.close()
      await partial?.close()
      await partial?.close()
      await writer.close()
    }
    await waitForOpenFiles(place.layout.blobs, 0)
    assert.deepEqual(openFiles(place.layout.blobs), [])
  })

  test('closes a file once: its number may be another one by then', COUNTS_FILES, async (t) => {
    const place = createPlace(t)
    const { blobs } = await openPeer(t, place)
    const digest = digestOf('content')
    await put(blobs, digest, Buffer.from('content'))
    const closed = await mustOpen(blobs, digest)
    closed.close()
    await waitForOpenFiles(place.layout.blobs, 0)
    const open = await mustOpen(blobs, digest)
    closed.close()
    assert.equal((await readWhole(open, 7)).toString(), 'content')
    assert.equal((await readWhole(open, 7)).toString(), 'content')
    assert.equal(openFiles(place.layout.blobs).length, 1)
    open.close()
  })

  test(
    'makes bytes durable before their name, and the name before it says so',
    needs('strace'),
    async (t) => {
      const dir = tempDir(t)
      const bucket = `/sha256/${digestHex(digestOf('content')).slice(0, 2)}`
      const traced = await traceChild(dir)
      // The directory's name and the bytes are made durable side by side.
      assert.deepEqual(traced.splice(0, 3).toSorted(), ['sync ', 'sync /sha256', 'sync temporary'])
      assert.deepEqual(traced, ['rename', `sync ${bucket}`])
      // Who published it may have been killed before its last steps.
      assert.deepEqual(await traceChild(dir), ['sync /sha256', 'sync ', `sync ${bucket}`])
    },
  )

  test(
    'says so when the disk is full, and goes on when it no longer is',
    needs('root', 'mount'),
    async (t) => {
      const directory = mountSmallDisk(t)
      if (directory === undefined) {
        t.skip('a file system cannot be mounted here')
        return
      }
      const place = createPlace(t, directory)
      const { blobs } = await openPeer(t, place)
      const large = seededBytes('large', 4 << 20)
      const failed = { code: 'STORE_FAILED', message: /ENOSPC/ }
      await assert.rejects(put(blobs, digestOf(large), large), failed)
      assert.deepEqual(place.temporaries(), [])
      await waitForRoom(directory)
      // Of what is written later the next call tells.
      const writer = await blobs.create({ digest: digestOf(large), size: large.length })
      await assert.rejects(async () => {
        for (let at = 0; at < large.length; at += 1 << 19)
          await writer.append(large.subarray(at, at + (1 << 19)))
        await writer.publish()
      }, failed)
      await assert.rejects(writer.append(large.subarray(0, 1)), failed)
      await writer.close()
      assert.deepEqual(place.temporaries(), [])
      assert.equal(await blobs.open(digestOf(large)), undefined)
      await waitForRoom(directory)
      const small = seededBytes('small', 1 << 20)
      await put(blobs, digestOf(small), small)
      const blob = await mustOpen(blobs, digestOf(small))
      assertBytes(await readWhole(blob, blob.size), small)
      blob.close()
      assert.deepEqual(place.temporaries(), [])
    },
  )

  test('tells trouble from absence', async (t) => {
    const place = createPlace(t)
    const { blobs } = await openPeer(t, place)
    const digest = digestOf('content')
    writeFileSync(join(place.layout.blobs, 'sha256'), 'in the way')
    await assert.rejects(put(blobs, digest, Buffer.from('content')), { code: 'STORE_FAILED' })
    await assert.rejects(blobs.open(digest), { code: 'STORE_FAILED' })
    await assert.rejects(blobs.remove(digest), { code: 'STORE_FAILED' })
    assert.ok(blobPath(place.layout, digest).startsWith(join(place.layout.blobs, 'sha256/')))
    assert.deepEqual(place.temporaries(), [])
  })
})

/** What a trace says of the blob directory: `sync <directory>`, `sync temporary` for a temporary file, `rename` to the blob. */
/** What publishing-child.ts does to be sure of a blob. */
async function traceChild(dir: string): Promise<string[]> {
  const trace = join(dir, 'trace')
  const data = join(dir, 'data')
  const calls = 'trace=fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat'
  await mustRun('strace', ['-f', '-y', '-e', calls, '-o', trace, process.execPath, CHILD, data])
  return readTrace(readFileSync(trace, 'utf8'), createLayout(data).blobs, digestHex(digestOf('content')))
}

function readTrace(trace: string, blobs: string, hex: string): string[] {
  return trace.split('\n').flatMap((line) => {
    const synced = /f(?:data)?sync\(\d+<([^>]*)>/.exec(line)?.[1]
    if (synced?.startsWith(join(blobs, 'temporary/')) === true) return ['sync temporary']
    if (synced?.startsWith(blobs) === true) return [`sync ${synced.slice(blobs.length)}`]
    return line.includes('rename') && line.includes(hex.slice(2)) ? ['rename'] : []
  })
}
