import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { BlobStore, BlobWriter } from '../../src/cache/blob-store.ts'
import { digestOf } from '../../src/model/digest.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { readWhole } from '../contract/blob-store.ts'
import { gate } from '../support/gate.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { failureOf, finish, openFills } from './fills.ts'
import { createPlace } from './place.ts'
import { createSource, ScriptedBody, wholeBody } from './scripted-body.ts'

const CONTENT = seededBytes('opening', 100_000)
const EXPECTED = { digest: digestOf(CONTENT), size: CONTENT.length }
const HALF = 50_000

/** A store whose `create` is another one. */
function withCreate(create: (blobs: BlobStore) => BlobStore['create']): (blobs: BlobStore) => BlobStore {
  return (blobs) => ({
    open: (digest) => blobs.open(digest),
    openPartial: (location) => blobs.openPartial(location),
    remove: (digest) => blobs.remove(digest),
    keep: (digest) => blobs.keep(digest),
    create: create(blobs),
  })
}

/** A store whose writers write what is appended when they publish it, and otherwise. */
function withPublish(publish: (own: BlobWriter['publish']) => Promise<void>) {
  return withCreate((blobs) => async (expected, onRoom) => {
    const writer = await blobs.create(expected, onRoom)
    const own = writer.publish.bind(writer)
    return Object.assign(writer, { publish: () => publish(own) })
  })
}

describe('upstream', () => {
  test('is asked while the file is made', async (t) => {
    const made = gate()
    const wrap = withCreate((blobs) => async (expected, onRoom) => {
      const writer = await blobs.create(expected, onRoom)
      await made.opened
      return writer
    })
    const { fills, ended } = await openFills(t, createPlace(t), { wrap })
    const source = createSource(wholeBody(CONTENT))
    const { reader } = fills.read(EXPECTED, source.open, 'a')
    await source.asked(1)
    made.open()
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    await ended(1)
    assert.deepEqual(source.attempts, [0])
  })

  test('is asked for nothing that there is no room for', async (t) => {
    const wrap = withCreate(() => async () => {
      throw new PinyonError('CACHE_FULL', 'full')
    })
    const { fills, ends, ended } = await openFills(t, createPlace(t), { wrap })
    const source = createSource(wholeBody(CONTENT))
    assert.equal(await failureOf(fills.read(EXPECTED, source.open, 'a').reader), 'CACHE_FULL')
    await ended(1)
    assert.deepEqual([source.attempts, ends], [[], ['CACHE_FULL']])
  })

  for (const [when, hasAnswered] of [
    ['before it answers', false],
    ['when it has answered', true],
  ] as const)
    test(`is left when the file cannot be made, ${when}`, async (t) => {
      const body = wholeBody(CONTENT)
      const [answered, left] = [gate(), gate()]
      const wrap = withCreate(() => async (_, onRoom) => {
        onRoom?.()
        if (hasAnswered) await answered.opened
        throw new PinyonError('STORE_FAILED', 'creating: EIO')
      })
      const { fills, ends, ended } = await openFills(t, createPlace(t), { wrap })
      let asked = 0
      const open = async (_: number, signal: AbortSignal) => {
        asked += 1
        signal.addEventListener('abort', () => left.open(), { once: true })
        if (!hasAnswered) await left.opened
        answered.open()
        return body
      }
      assert.equal(await failureOf(fills.read(EXPECTED, open, 'a').reader), 'STORE_FAILED')
      await Promise.all([ended(1), left.opened])
      assert.deepEqual([asked, ends], [1, ['STORE_FAILED']])
    })
})

test('what lies half in the file and half in memory is read in one', async (t) => {
  const { fills, ended } = await openFills(t, createPlace(t))
  const body = new ScriptedBody().push(CONTENT.subarray(0, HALF), CONTENT.subarray(HALF)).end()
  const { reader } = fills.read(EXPECTED, createSource(body).open, 'a')
  await reader.verified()
  const target = Buffer.alloc(60_000)
  assert.equal(await reader.read(target, 20_000), target.length)
  assertBytes(target, CONTENT.subarray(20_000, 80_000))
  reader.release()
  await ended(1)
})

describe('the last piece', () => {
  test('is read before it is written, once it is known to be right', async (t) => {
    const rest = gate()
    const wrap = withPublish(async (own) => {
      await rest.opened
      await own()
    })
    const place = createPlace(t)
    const { fills, ends, ended, blobs } = await openFills(t, place, { wrap })
    const body = new ScriptedBody().push(CONTENT.subarray(0, HALF), CONTENT.subarray(HALF)).end()
    const { reader } = fills.read(EXPECTED, createSource(body).open, 'a')
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    assert.deepEqual([ends, await blobs.open(EXPECTED.digest)], [[], undefined])
    rest.open()
    await ended(1)
    assert.deepEqual([ends, place.temporaries()], [['stored'], []])
  })

  test('that cannot be written is read all the same, and nothing is stored', async (t) => {
    const wrap = withPublish(async () => {
      throw new PinyonError('STORE_FAILED', 'writing: ENOSPC')
    })
    const place = createPlace(t)
    const { fills, ends, ended, blobs } = await openFills(t, place, { wrap })
    const body = new ScriptedBody().push(CONTENT.subarray(0, HALF), CONTENT.subarray(HALF)).end()
    const { reader } = fills.read(EXPECTED, createSource(body).open, 'a')
    const stored = reader.stored()
    stored.catch(() => undefined)
    assertBytes(await readWhole(reader, EXPECTED.size), CONTENT)
    await assert.rejects(stored, { code: 'STORE_FAILED' })
    reader.release()
    await ended(1)
    assert.deepEqual([ends, place.temporaries()], [['STORE_FAILED'], []])
    assert.equal(await blobs.open(EXPECTED.digest), undefined)
  })
})
