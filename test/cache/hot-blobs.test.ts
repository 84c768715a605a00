import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { BlobCache } from '../../src/cache/blob-cache.ts'
import type { Blob } from '../../src/cache/blob-store.ts'
import type { SharedBlob } from '../../src/cache/shared-blob.ts'
import { digestOf, type Digest } from '../../src/model/digest.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

const SIZE = 600_000
const LIMITS = { memoryBytes: 4 * SIZE + 10_000, smallBlobBytes: 1_000 }

interface Setup {
  readonly cache: BlobCache
  /** By digest, to be spoiled. */
  readonly stored: Map<Digest, Buffer>
  readonly put: (name: string, size?: number) => Digest
  /** Asks for it so often, and lets what follows from that happen; gives the last. */
  readonly ask: (digest: Digest, times?: number) => Promise<SharedBlob | undefined>
  readonly open: () => number
  /** From now on the disk gives nothing back. */
  readonly spoil: () => void
}

function setUp(t: TestContext): Setup {
  const stored = new Map<Digest, Buffer>()
  let [open, isSpoilt] = [0, false]
  const openBlob = async (digest: Digest): Promise<Blob | undefined> => {
    const bytes = stored.get(digest)
    if (bytes === undefined) return undefined
    open += 1
    return {
      digest,
      size: bytes.length,
      read: async (target, position) => {
        if (isSpoilt) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
        return bytes.copy(target, 0, position)
      },
      close: () => (open -= 1),
    }
  }
  const remove = async (digest: Digest) => stored.delete(digest)
  const cache = new BlobCache({ open: openBlob, remove }, LIMITS)
  t.after(() => cache.close())
  return {
    cache,
    stored,
    open: () => open,
    spoil: () => (isSpoilt = true),
    put: (name, size = SIZE) => {
      const bytes = seededBytes(name, size)
      const digest = digestOf(bytes)
      stored.set(digest, bytes)
      return digest
    },
    ask: async (digest, times = 5) => {
      let blob: SharedBlob | undefined
      for (let time = 0; time < times; time += 1) {
        blob?.release()
        blob = await cache.open(digest)
        // Reading is a matter of turns here: so many suffice for all pieces.
        for (let turn = 0; turn < 10; turn += 1) await nextTurn()
      }
      return blob
    },
  }
}

describe('a blob that is asked for often', () => {
  test('is in memory from then on, and its file is closed', async (t) => {
    const { ask, put, stored, open } = setUp(t)
    const digest = put('hot')
    const first = await ask(digest, 1)
    assert.equal(first?.bytes, undefined)
    const hot = await ask(digest)
    assertBytes(hot?.bytes, stored.get(digest))
    const target = Buffer.alloc(10)
    assert.equal(await hot?.read(target, SIZE - 4), 4)
    assert.equal(await hot?.read(target, SIZE), 0)
    // The first one still reads its file.
    assert.equal(open(), 1)
    first?.release()
    assert.equal(open(), 0)
  })

  test('stays a file when it would take more than a quarter of the memory', async (t) => {
    const { ask, put } = setUp(t)
    assert.equal((await ask(put('large', LIMITS.memoryBytes / 4 + 1), 9))?.bytes, undefined)
  })

  test('goes when others are asked for more lately', async (t) => {
    const { ask, put, cache } = setUp(t)
    const digests = Array.from({ length: 6 }, (_, index) => put(`${index}`))
    for (const digest of digests) (await ask(digest))?.release()
    assert.deepEqual(
      digests.map((digest) => cache.peek(digest)?.bytes !== undefined),
      [false, false, true, true, true, true],
    )
  })

  test('does not go into memory while much of it is held by those who read slowly', async (t) => {
    const { ask, put } = setUp(t)
    const slow: (SharedBlob | undefined)[] = []
    for (let index = 0; index < 20; index += 1) slow.push(await ask(put(`${index}`)))
    const bytes = slow.reduce((sum, blob) => sum + (blob?.bytes?.length ?? 0), 0)
    assert.ok(bytes > LIMITS.memoryBytes && bytes <= 2 * LIMITS.memoryBytes, `${bytes} bytes are held`)
    for (const blob of slow) blob?.release()
    assert.ok((await ask(put('later')))?.bytes)
  })

  test('is removed when its bytes have rotted, so that it is filled again', async (t) => {
    const { ask, put, cache, stored, open } = setUp(t)
    const digest = put('rotten')
    const bytes = stored.get(digest)
    bytes?.fill(0, 100, 200)
    assert.equal(await ask(digest), undefined)
    assert.equal(stored.has(digest), false)
    assert.equal(cache.peek(digest), undefined)
    assert.equal(open(), 0)
  })

  test('stays a file that cannot be read: who reads it for a client sees to that', async (t) => {
    const { ask, put, stored, open, spoil } = setUp(t)
    const digest = put('unreadable')
    spoil()
    const blob = await ask(digest, 9)
    assert.equal(blob?.bytes, undefined)
    assert.deepEqual([stored.has(digest), open()], [true, 1])
  })

  test('is not brought back when it was forgotten meanwhile', async (t) => {
    const { cache, put, ask } = setUp(t)
    const digest = put('gone')
    ;(await ask(digest, 2))?.release()
    ;(await cache.open(digest))?.release()
    ;(await cache.open(digest))?.release()
    cache.forget(digest)
    for (let turn = 0; turn < 10; turn += 1) await nextTurn()
    assert.equal(cache.peek(digest), undefined)
  })
})
