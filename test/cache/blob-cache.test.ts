import assert from 'node:assert/strict'
import { existsSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, test, type TestContext } from 'node:test'

import { BlobCache, type BlobCacheLimits } from '../../src/cache/blob-cache.ts'
import type { SharedBlob } from '../../src/cache/shared-blob.ts'
import type { BlobStore } from '../../src/cache/blob-store.ts'
import { blobPath } from '../../src/cache/layout.ts'
import { digestOf, type Digest } from '../../src/model/digest.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { put, readWhole } from '../contract/blob-store.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { COUNTS_FILES, openFiles, waitForOpenFiles } from './open-files.ts'
import { createPlace, openPeer, type Place } from './place.ts'

const SMALL = seededBytes('small', 1_000)
const LARGE = seededBytes('large', 200_000)
const LIMITS: BlobCacheLimits = { memoryBytes: 10_000, smallBlobBytes: 2_000, openFiles: 3 }

interface Setup {
  readonly place: Place
  readonly cache: BlobCache
  /** Digests that the store was asked to open. */
  readonly opened: Digest[]
  readonly put: (bytes: Buffer, digest?: Digest) => Promise<Digest>
}

async function setUp(t: TestContext, limits: Partial<BlobCacheLimits> = LIMITS): Promise<Setup> {
  const place = createPlace(t)
  const { blobs } = await openPeer(t, place)
  const opened: Digest[] = []
  const counting: BlobStore = {
    open: (digest) => {
      opened.push(digest)
      return blobs.open(digest)
    },
    create: (expected) => blobs.create(expected),
    openPartial: (location) => blobs.openPartial(location),
    remove: (digest) => blobs.remove(digest),
    keep: (digest) => blobs.keep(digest),
  }
  const cache = new BlobCache(counting, limits)
  t.after(() => cache.close())
  const putBytes = async (bytes: Buffer, digest = digestOf(bytes)) => {
    await put(blobs, digest, bytes)
    return digest
  }
  return { place, cache, opened, put: putBytes }
}

async function readAndRelease(blob: SharedBlob | undefined): Promise<Buffer> {
  assert.ok(blob)
  const bytes = await readWhole(blob, blob.size)
  blob.release()
  return bytes
}

describe('the blob cache', () => {
  test('finds a blob without the store once it was opened', async (t) => {
    const { cache, opened, ...setup } = await setUp(t)
    for (const bytes of [SMALL, LARGE, Buffer.alloc(0)]) {
      const digest = await setup.put(bytes)
      assert.equal(cache.peek(digest), undefined)
      assertBytes(await readAndRelease(await cache.open(digest, bytes.length)), bytes)
      assertBytes(await readAndRelease(cache.peek(digest)), bytes)
      assertBytes(await readAndRelease(await cache.open(digest)), bytes)
    }
    assert.equal(opened.length, 3)
    assert.equal(await cache.open(digestOf('absent')), undefined)
    assert.equal(cache.peek(digestOf('absent')), undefined)
  })

  test('has small blobs in memory and others not', async (t) => {
    const { cache, ...setup } = await setUp(t)
    const sizes = [0, 2_000, 2_001]
    const inMemory = sizes.map(async (size) => {
      const blob = await cache.open(await setup.put(seededBytes('size', size)))
      blob?.release()
      return blob?.bytes?.length
    })
    assert.deepEqual(await Promise.all(inMemory), [0, 2_000, undefined])
  })

  test('reads a small blob as a file is read: nothing behind its end', async (t) => {
    const { cache, ...setup } = await setUp(t)
    const blob = await cache.open(await setup.put(SMALL))
    const target = Buffer.alloc(100)
    assert.equal(await blob?.read(target, 950), 50)
    assertBytes(target.subarray(0, 50), SMALL.subarray(950))
    assert.deepEqual([await blob?.read(target, 1_000), await blob?.read(target, 5_000)], [0, 0])
  })

  test('removes a blob that has rotted, so that it is filled again', async (t) => {
    const { place, cache, ...setup } = await setUp(t)
    for (const bytes of [SMALL, LARGE]) {
      const digest = await setup.put(bytes)
      truncateSync(blobPath(place.layout, digest), bytes.length - 1)
      assert.equal(await cache.open(digest, bytes.length), undefined)
      assert.equal(await cache.open(digest), undefined)
      await setup.put(bytes)
      assertBytes(await readAndRelease(await cache.open(digest, bytes.length)), bytes)
    }
  })

  test('removes a small blob whose bytes have rotted though its size is right', async (t) => {
    const { place, cache, ...setup } = await setUp(t)
    const rotten = Buffer.from(SMALL)
    rotten[500] = ~(SMALL[500] ?? 0) & 0xff
    const digest = await setup.put(SMALL)
    for (const listedSize of [SMALL.length, undefined]) {
      writeFileSync(blobPath(place.layout, digest), rotten)
      assert.equal(await cache.open(digest, listedSize), undefined)
      assert.equal(existsSync(blobPath(place.layout, digest)), false)
      assert.equal(cache.peek(digest), undefined)
      await setup.put(SMALL)
      assertBytes(await readAndRelease(await cache.open(digest, listedSize)), SMALL)
      cache.forget(digest)
    }
    const md5 = await setup.put(SMALL, digestOf(SMALL, 'md5'))
    assertBytes(await readAndRelease(await cache.open(md5, SMALL.length)), SMALL)
  })

  test('keeps a right blob that somebody lists with a wrong size', async (t) => {
    const { cache, ...setup } = await setUp(t)
    for (const bytes of [SMALL, LARGE]) {
      const digest = await setup.put(bytes)
      assertBytes(await readAndRelease(await cache.open(digest, bytes.length + 1)), bytes)
      cache.forget(digest)
      assertBytes(await readAndRelease(await cache.open(digest, bytes.length)), bytes)
    }
  })

  test('forgets what it is told to forget', async (t) => {
    const { cache, ...setup } = await setUp(t)
    for (const bytes of [SMALL, LARGE]) {
      const digest = await setup.put(bytes)
      const reading = await cache.open(digest)
      cache.forget(digest)
      assert.equal(cache.peek(digest), undefined)
      assertBytes(await readAndRelease(reading), bytes)
    }
  })

  test('keeps no more in memory than allowed', async (t) => {
    const { cache, ...setup } = await setUp(t)
    const blobs = Array.from({ length: 40 }, (_, index) => seededBytes(`${index}`, 1_000))
    const digests = await Promise.all(blobs.map((bytes) => setup.put(bytes)))
    for (const digest of digests) (await cache.open(digest))?.release()
    const warm = digests.filter((digest) => cache.peek(digest) !== undefined)
    // 10,000 bytes, and each blob costs 1,000 and its overhead of 256.
    assert.deepEqual(warm, digests.slice(-7))
    const empty = await Promise.all(
      Array.from({ length: 100 }, (_, index) => setup.put(seededBytes(`tiny ${index}`, 8))),
    )
    for (const digest of empty) (await cache.open(digest))?.release()
    assert.ok(empty.filter((digest) => cache.peek(digest) !== undefined).length <= 39)
  })
})

describe('the files of the blob cache', COUNTS_FILES, () => {
  test('stay few after thousands of opens', async (t) => {
    const { place, cache, ...setup } = await setUp(t)
    const blobs = Array.from({ length: 8 }, (_, index) => seededBytes(`${index}`, 3_000))
    const digests = await Promise.all(blobs.map((bytes) => setup.put(bytes)))
    for (let round = 0; round < 400; round += 1) {
      const opened = await Promise.all(digests.map((digest) => cache.open(digest)))
      for (const [index, blob] of opened.entries()) assertBytes(await readAndRelease(blob), blobs[index])
    }
    await waitForOpenFiles(place.layout.blobs, LIMITS.openFiles)
    assert.equal(openFiles(place.layout.blobs).length, LIMITS.openFiles)
    cache.close()
    await waitForOpenFiles(place.layout.blobs, 0)
  })

  test('are none for small blobs', async (t) => {
    const { place, cache, ...setup } = await setUp(t)
    const digest = await setup.put(SMALL)
    for (let round = 0; round < 50; round += 1) {
      assertBytes(await readAndRelease(await cache.open(digest)), SMALL)
      cache.forget(digest)
    }
    await waitForOpenFiles(place.layout.blobs, 0)
  })

  test('are closed once each when many open one cold blob', async (t) => {
    const { place, cache, ...setup } = await setUp(t)
    const digest = await setup.put(LARGE)
    const opened = await Promise.all(Array.from({ length: 20 }, () => cache.open(digest)))
    for (const blob of opened) assertBytes(await readAndRelease(blob), LARGE)
    await waitForOpenFiles(place.layout.blobs, 1)
    assertBytes(await readAndRelease(cache.peek(digest)), LARGE)
  })

  test('stay open for who reads, and for nobody who released twice', async (t) => {
    const { place, cache, ...setup } = await setUp(t)
    const digest = await setup.put(LARGE)
    const [first, second] = [await cache.open(digest), await cache.open(digest)]
    first?.release()
    first?.release()
    first?.release()
    cache.forget(digest)
    // Takes the number of any file closed too early.
    const other = await setup.put(seededBytes('other', 200_000))
    const otherBlob = await cache.open(other)
    assertBytes(await readAndRelease(second), LARGE)
    await assert.rejects(first?.read(Buffer.alloc(1), 0) ?? Promise.resolve(), { code: 'STORE_FAILED' })
    otherBlob?.release()
    cache.close()
    await waitForOpenFiles(place.layout.blobs, 0)
    second?.release()
    assert.deepEqual(openFiles(place.layout.blobs), [])
  })

  test('are closed when a blob turns out to be wrong', async (t) => {
    const { place, cache, ...setup } = await setUp(t)
    for (let round = 0; round < 20; round += 1) {
      const digest = await setup.put(LARGE)
      writeFileSync(blobPath(place.layout, digest), 'rotten')
      assert.equal(await cache.open(digest, LARGE.length), undefined)
    }
    await waitForOpenFiles(place.layout.blobs, 0)
    assert.deepEqual(openFiles(place.layout.blobs), [])
  })
})
