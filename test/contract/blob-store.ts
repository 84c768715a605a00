import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Blob, BlobStore, BlobWriter, ReadableBytes } from '../../src/cache/blob-store.ts'
import { DIGEST_ALGORITHMS, digestOf, type Digest } from '../../src/model/digest.ts'
import { assertBytes } from './assert-bytes.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

const CONTENT = seededBytes('contract', 200_000)
const DIGEST = digestOf(CONTENT)

/**
 * The contract of a {@link BlobStore}, for each implementation's tests.
 *
 * @param open opens a store, empty when `place` is; two stores of one place are two processes that share it
 */
export function describeBlobStore(
  name: string,
  open: (t: TestContext, place: Map<string, unknown>) => Promise<BlobStore>,
): void {
  describe(name, () => {
    test('has what was published, and nothing else', async (t) => {
      const store = await open(t, new Map())
      assert.equal(await store.open(DIGEST), undefined)
      await put(store, DIGEST, CONTENT)
      const blob = await mustOpen(store, DIGEST)
      assert.deepEqual([blob.digest, blob.size], [DIGEST, CONTENT.length])
      assertBytes(await readWhole(blob, blob.size), CONTENT)
      blob.close()
      assert.equal(await store.open(digestOf('another')), undefined)
      assert.notEqual(store.lacks?.(DIGEST), true)
    })

    test('shows a blob to nobody before it is published, and then to all', async (t) => {
      const place = new Map<string, unknown>()
      const [store, other] = [await open(t, place), await open(t, place)]
      const writer = await store.create({ digest: DIGEST, size: CONTENT.length })
      const isThere = async () =>
        (await Promise.all([store, other].map((each) => each.open(DIGEST)))).map((blob) => {
          blob?.close()
          return blob !== undefined
        })
      assert.deepEqual(await isThere(), [false, false])
      await writer.write(CONTENT)
      assert.deepEqual(await isThere(), [false, false])
      writer.verify()
      assert.deepEqual(await isThere(), [false, false])
      await writer.publish()
      assert.deepEqual(await isThere(), [true, true])
      assert.notEqual(other.lacks?.(DIGEST), true, 'what another process has published just now is seen')
      await writer.discard()
      await writer.close()
      assert.deepEqual(await isThere(), [true, true])
    })

    for (const algorithm of DIGEST_ALGORITHMS) {
      void test(`publishes only what has the expected digest: ${algorithm}`, async (t) => {
        const store = await open(t, new Map())
        const digest = digestOf(CONTENT, algorithm)
        const wrong = Buffer.from(CONTENT)
        wrong[wrong.length - 1] = ~(wrong.at(-1) ?? 0) & 0xff
        await assert.rejects(put(store, digest, wrong), { code: 'DIGEST_MISMATCH' })
        assert.equal(await store.open(digest), undefined)
        await put(store, digest, CONTENT)
        const blob = await mustOpen(store, digest)
        assertBytes(await readWhole(blob, blob.size), CONTENT)
        blob.close()
      })
    }

    test('publishes only what has the expected size', async (t) => {
      const store = await open(t, new Map())
      const size = CONTENT.length
      await assert.rejects(put(store, DIGEST, CONTENT, size + 1), { code: 'UPSTREAM_SHORT' })
      const writer = await store.create({ digest: DIGEST, size: size - 1 })
      await writer.write(CONTENT.subarray(0, size - 1))
      await assert.rejects(writer.write(CONTENT.subarray(size - 1)), { code: 'UPSTREAM_OVERSIZE' })
      assert.equal(writer.written, size - 1)
      await assert.rejects(writer.publish(), { code: 'DIGEST_MISMATCH' })
      await writer.close()
      assert.equal(await store.open(DIGEST), undefined)
    })

    test('keeps an empty blob, and one whose size nobody said', async (t) => {
      const store = await open(t, new Map())
      await put(store, digestOf(''), Buffer.alloc(0), 0)
      const empty = await mustOpen(store, digestOf(''))
      assert.equal(empty.size, 0)
      assert.equal(await empty.read(Buffer.alloc(10), 0), 0)
      empty.close()
      const writer = await store.create({ digest: DIGEST })
      for (let at = 0; at < CONTENT.length; at += 7_777) await writer.write(CONTENT.subarray(at, at + 7_777))
      await writer.publish()
      await writer.close()
      const blob = await mustOpen(store, DIGEST)
      assertBytes(await readWhole(blob, blob.size), CONTENT)
      blob.close()
    })

    test('reads at any position, and nothing behind the end', async (t) => {
      const store = await open(t, new Map())
      await put(store, DIGEST, CONTENT)
      const blob = await mustOpen(store, DIGEST)
      const target = Buffer.alloc(1_000)
      const read = await blob.read(target, 150_000)
      assert.ok(read >= 1)
      assertBytes(target.subarray(0, read), CONTENT.subarray(150_000, 150_000 + read))
      assert.equal(await blob.read(target, blob.size), 0)
      assert.equal(await blob.read(target, blob.size + 10), 0)
      blob.close()
    })

    test('lets the bytes of a running writer be read, also from another process', async (t) => {
      const place = new Map<string, unknown>()
      const [store, other] = [await open(t, place), await open(t, place)]
      const writer = await store.create({ digest: DIGEST })
      await writer.write(CONTENT.subarray(0, 100_000))
      const partial = await other.openPartial(writer.location)
      assert.ok(partial)
      assert.equal(await partial.written(), 100_000)
      await writer.write(CONTENT.subarray(100_000))
      assert.equal(await partial.written(), writer.written)
      await writer.publish()
      for (const bytes of [writer, partial]) assertBytes(await readWhole(bytes, CONTENT.length), CONTENT)
      await writer.close()
      assertBytes(await readWhole(partial, CONTENT.length), CONTENT)
      await partial.close()
      assert.equal(await other.openPartial(writer.location), undefined)
      for (const location of ['', '..', '/etc/passwd', '../../etc/passwd'])
        assert.equal(await other.openPartial(location), undefined)
    })

    test('writes what is appended soon, and behind all that was before it', async (t) => {
      const place = new Map<string, unknown>()
      const [store, other] = [await open(t, place), await open(t, place)]
      const writer = await store.create({ digest: DIGEST })
      await writer.write(CONTENT.subarray(0, 50_000))
      await writer.append(CONTENT.subarray(50_000, 80_000))
      await writer.append(CONTENT.subarray(80_000, 100_000))
      const partial = await other.openPartial(writer.location)
      assert.ok(partial)
      while ((await partial.written()) < 100_000) await nextTurn()
      assertBytes(await readWhole(partial, 100_000), CONTENT.subarray(0, 100_000))
      await writer.append(CONTENT.subarray(100_000, 150_000))
      await writer.write(CONTENT.subarray(150_000, 160_000))
      assert.equal(await partial.written(), 160_000)
      await writer.append(CONTENT.subarray(160_000))
      writer.verify()
      await writer.publish()
      for (const bytes of [writer, partial]) assertBytes(await readWhole(bytes, CONTENT.length), CONTENT)
      await writer.close()
      await partial.close()
    })

    test('keeps what was discarded readable until the writer closes, and never as a blob', async (t) => {
      const store = await open(t, new Map())
      const writer = await store.create({ digest: DIGEST })
      await writer.write(CONTENT)
      await writer.discard()
      await writer.discard()
      assert.equal(await store.openPartial(writer.location), undefined)
      assertBytes(await readWhole(writer, CONTENT.length), CONTENT)
      await writer.close()
      assert.equal(await store.open(DIGEST), undefined)
    })

    test('takes any number of writers of one digest, right and wrong', async (t) => {
      const place = new Map<string, unknown>()
      const stores = [await open(t, place), await open(t, place)]
      const results = await Promise.allSettled(
        Array.from({ length: 12 }, (_, index) => {
          const store = stores[index % 2] as BlobStore
          return put(store, DIGEST, index % 3 === 0 ? seededBytes(`${index}`, 200_000) : CONTENT)
        }),
      )
      const failed = results.filter(({ status }) => status === 'rejected').length
      assert.equal(failed, 4)
      for (const store of stores) {
        const blob = await mustOpen(store, DIGEST)
        assertBytes(await readWhole(blob, blob.size), CONTENT)
        blob.close()
      }
    })

    test('removes a blob, which those who have it open read on', async (t) => {
      const store = await open(t, new Map())
      await put(store, DIGEST, CONTENT)
      const blob = await mustOpen(store, DIGEST)
      assert.equal(await store.remove(DIGEST), true)
      assert.equal(await store.remove(DIGEST), false)
      assert.equal(await store.open(DIGEST), undefined)
      assertBytes(await readWhole(blob, blob.size), CONTENT)
      blob.close()
      blob.close()
      await put(store, DIGEST, CONTENT)
      const again = await mustOpen(store, DIGEST)
      assert.equal(again.size, CONTENT.length)
      again.close()
    })
  })
}

/** Writes a blob in two pieces and publishes it; the writer is closed either way. */
export async function put(store: BlobStore, digest: Digest, bytes: Buffer, size?: number): Promise<void> {
  const writer: BlobWriter = await store.create({ digest, size })
  try {
    const middle = bytes.length >> 1
    await writer.write(bytes.subarray(0, middle))
    await writer.write(bytes.subarray(middle))
    await writer.publish()
  } finally {
    await writer.close()
  }
}

/** Opens a blob that must be there. */
export async function mustOpen(store: BlobStore, digest: Digest): Promise<Blob> {
  const blob = await store.open(digest)
  assert.ok(blob, `there is no blob ${digest}`)
  return blob
}

/** The first `size` bytes, as many at a time as come. */
export async function readWhole(bytes: ReadableBytes, size: number): Promise<Buffer> {
  const whole = Buffer.alloc(size)
  for (let at = 0; at < size;) {
    const count = await bytes.read(whole.subarray(at), at)
    assert.ok(count > 0, `nothing at ${at} of ${size} bytes`)
    at += count
  }
  return whole
}
