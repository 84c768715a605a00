import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { BlobStore } from '../../src/cache/blob-store.ts'
import { fillName } from '../../src/cache/fill.ts'
import { digestOf } from '../../src/model/digest.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { mustOpen, put, readWhole } from '../contract/blob-store.ts'
import { Pieces } from '../../src/system/pieces.ts'
import { gate } from '../support/gate.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { needs } from '../support/tools.ts'
import { createFailingStore } from './failing-store.ts'
import { failureOf, finish, openFills } from './fills.ts'
import { COUNTS_FILES, openFiles, waitForOpenFiles } from './open-files.ts'
import { createPlace } from './place.ts'
import { createSource, ScriptedBody, wholeBody } from './scripted-body.ts'
import { mountSmallDisk, waitForRoom } from './small-disk.ts'

const CONTENT = seededBytes('fill', 100_000)
const EXPECTED = { digest: digestOf(CONTENT), size: CONTENT.length }
const HALF = 50_000
const QUARTER = 25_000

describe('one fill', () => {
  test('asks its source once, however many readers come, whenever', async (t) => {
    const place = createPlace(t)
    const { fills, blobs, ended } = await openFills(t, place)
    const body = new ScriptedBody()
    const source = createSource(body)
    const first = fills.read(EXPECTED, source.open, 'a')
    const joined = Array.from({ length: 50 }, () => fills.read(EXPECTED, source.open, 'a'))
    await source.asked(1)
    joined.push(fills.read(EXPECTED, source.open, 'a'))
    body.push(CONTENT.subarray(0, HALF))
    await first.reader.read(Buffer.alloc(1), HALF - 1)
    joined.push(fills.read(EXPECTED, source.open, 'a'))
    assert.equal(first.outcome, 'fill')
    assert.ok(joined.every(({ outcome }) => outcome === 'join'))
    assert.equal(fills.size, 1)
    const finished = [first, ...joined].map(({ reader }) => finish(reader, EXPECTED.size))
    body.push(CONTENT.subarray(HALF)).end()
    for (const bytes of await Promise.all(finished)) assertBytes(bytes, CONTENT)
    await ended(1)
    assert.deepEqual(source.attempts, [0])
    assert.deepEqual([fills.size, place.temporaries()], [0, []])
    const blob = await mustOpen(blobs, EXPECTED.digest)
    assertBytes(await readWhole(blob, blob.size), CONTENT)
    blob.close()
  })

  test('hands out bytes as they come, wherever a reader reads', async (t) => {
    const { fills } = await openFills(t, createPlace(t))
    const body = new ScriptedBody().push(CONTENT.subarray(0, 1_000))
    const { reader } = fills.read(EXPECTED, createSource(body).open, 'a')
    const ranged = fills.read(EXPECTED, createSource().open, 'a').reader
    assertBytes(await readWhole(reader, 1_000), CONTENT.subarray(0, 1_000))
    let come = false
    const target = Buffer.alloc(100)
    const late = ranged.read(target, 70_000).then((count) => {
      come = true
      return count
    })
    body.push(CONTENT.subarray(1_000, 70_000))
    await reader.read(Buffer.alloc(1), 69_999)
    assert.equal(come, false)
    body.push(CONTENT.subarray(70_000, 70_010))
    assert.equal(await late, 10)
    assertBytes(target.subarray(0, 10), CONTENT.subarray(70_000, 70_010))
    body.push(CONTENT.subarray(70_010)).end()
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    ranged.release()
  })

  test('goes on when the reader that began it, and everybody else, has left', async (t) => {
    const { fills, blobs, ended, ends } = await openFills(t, createPlace(t))
    const body = new ScriptedBody().push(CONTENT.subarray(0, HALF))
    const source = createSource(body)
    const { reader } = fills.read(EXPECTED, source.open, 'a')
    const other = fills.read(EXPECTED, source.open, 'a').reader
    await reader.read(Buffer.alloc(1), 0)
    reader.release()
    other.release()
    body.push(CONTENT.subarray(HALF)).end()
    await ended(1)
    assert.deepEqual(ends, ['stored'])
    const blob = await mustOpen(blobs, EXPECTED.digest)
    assert.equal(blob.size, EXPECTED.size)
    blob.close()
  })

  test('ends without its slow readers, who read on from the file', async (t) => {
    const { fills, blobs, ended } = await openFills(t, createPlace(t))
    const { reader } = fills.read(EXPECTED, createSource(wholeBody(CONTENT)).open, 'a')
    await reader.read(Buffer.alloc(1), 0)
    await ended(1)
    await blobs.remove(EXPECTED.digest)
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
  })

  test('holds nothing in memory for readers that stay once it is stored', async (t) => {
    const { fills, ended } = await openFills(t, createPlace(t))
    const pieces = new Pieces()
    const taken = [0, 1, 2, 3].map((at) => {
      const bytes = CONTENT.subarray(at * QUARTER, (at + 1) * QUARTER)
      const piece = pieces.take()
      piece.set(bytes)
      return { piece, bytes: piece.subarray(0, bytes.length) }
    })
    const body = new ScriptedBody().push(...taken.map(({ bytes }) => bytes)).end()
    const { reader } = fills.read(EXPECTED, createSource(body).open, 'a')
    await reader.read(Buffer.alloc(1), 0)
    await ended(1)
    const free = new Set(taken.map(() => pieces.take()))
    assert.deepEqual(
      taken.map(({ piece }) => free.has(piece)),
      [true, true, true, true],
    )
    for (const { piece } of taken) piece.fill(0)
    assert.equal(await reader.lend(EXPECTED.size - 10, 10), undefined)
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
  })

  test('of a blob that is there already asks no source', async (t) => {
    const { fills, blobs, ends, ended } = await openFills(t, createPlace(t))
    await put(blobs, EXPECTED.digest, CONTENT)
    const source = createSource()
    assertBytes(await finish(fills.read(EXPECTED, source.open, 'a').reader, EXPECTED.size), CONTENT)
    await ended(1)
    assert.deepEqual([source.attempts, ends], [[], ['stored']])
  })

  test('asks no source for a blob that another process has stored by the time of its claim', async (t) => {
    let looks = 0
    const wrap = (blobs: BlobStore): BlobStore => ({
      create: (expected) => blobs.create(expected),
      openPartial: (location) => blobs.openPartial(location),
      remove: (digest) => blobs.remove(digest),
      keep: (digest) => blobs.keep(digest),
      open: async (digest) => {
        if ((looks += 1) === 1) await put(blobs, digest, CONTENT)
        return await blobs.open(digest)
      },
    })
    const { fills, ended } = await openFills(t, createPlace(t), { wrap })
    const source = createSource(wholeBody(CONTENT))
    assertBytes(await finish(fills.read(EXPECTED, source.open, 'a').reader, EXPECTED.size), CONTENT)
    await ended(1)
    assert.deepEqual([source.attempts, looks], [[], 1])
  })

  test('finds out an unknown size, and does not let it grow without bound', async (t) => {
    const place = createPlace(t)
    const { fills, ends, ended } = await openFills(t, place, { maxUnlistedBytes: EXPECTED.size })
    const { digest } = EXPECTED
    const longer = Buffer.concat([CONTENT, Buffer.alloc(1)])
    const refused = fills.read({ digest }, createSource(wholeBody(longer), wholeBody(longer)).open, 'a')
    assert.equal(await failureOf(refused.reader), 'UPSTREAM_OVERSIZE')
    const { reader } = fills.read({ digest }, createSource(wholeBody(CONTENT)).open, 'a')
    assert.equal(await reader.verified(), EXPECTED.size)
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    await ended(2)
    assert.deepEqual([ends, place.temporaries()], [['UPSTREAM_OVERSIZE', 'stored'], []])
  })

  test('stops when the server does, wherever it is', async (t) => {
    const place = createPlace(t)
    const { fills, ends } = await openFills(t, place)
    const body = new ScriptedBody().push(CONTENT.subarray(0, HALF))
    const reader = fills.read(EXPECTED, createSource(body).open, 'a').reader
    await reader.read(Buffer.alloc(1), 0)
    const asked = gate()
    const waiting = fills.read(
      { digest: digestOf('waiting') },
      async (_, signal) => {
        const { promise, reject } = Promise.withResolvers<never>()
        asked.open()
        // As a timer or a socket ends: with an error of its own.
        signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
        return await promise
      },
      'a',
    ).reader
    await asked.opened
    const failures = [failureOf(reader), failureOf(waiting)]
    await fills.close()
    assert.deepEqual(await Promise.all(failures), ['SHUTTING_DOWN', 'SHUTTING_DOWN'])
    assert.deepEqual([body.ended, place.temporaries(), fills.size], [true, [], 0])
    const source = createSource(wholeBody(CONTENT))
    assert.equal(await failureOf(fills.read(EXPECTED, source.open, 'a').reader), 'SHUTTING_DOWN')
    assert.deepEqual(source.attempts, [])
    assert.deepEqual(ends, ['SHUTTING_DOWN', 'SHUTTING_DOWN', 'SHUTTING_DOWN'])
  })

  test('lets a reader be released twice, and in the middle of a read', async (t) => {
    const { fills, ended } = await openFills(t, createPlace(t))
    const body = new ScriptedBody().push(CONTENT.subarray(0, HALF))
    const source = createSource(body)
    const [early, steady] = [
      fills.read(EXPECTED, source.open, 'a').reader,
      fills.read(EXPECTED, source.open, 'a').reader,
    ]
    const waiting = early.read(Buffer.alloc(1), HALF)
    early.release()
    early.release()
    early.release()
    body.push(CONTENT.subarray(HALF)).end()
    await assert.rejects(waiting, { code: 'STORE_FAILED' })
    await ended(1)
    early.release()
    early.release()
    await nextTurn()
    assertBytes(await finish(steady, EXPECTED.size), CONTENT)
  })
})

test('a file is not closed under a read', async (t) => {
  const rest = gate()
  const steps: string[] = []
  const wrap = (blobs: BlobStore): BlobStore => ({
    open: (digest) => blobs.open(digest),
    openPartial: (location) => blobs.openPartial(location),
    remove: (digest) => blobs.remove(digest),
    keep: (digest) => blobs.keep(digest),
    create: async (expected) => {
      const writer = await blobs.create(expected)
      const [read, close] = [writer.read.bind(writer), writer.close.bind(writer)]
      return Object.assign(writer, {
        read: async (target: Uint8Array, position: number) => {
          await rest.opened
          const count = await read(target, position)
          steps.push('read')
          return count
        },
        close: async () => {
          steps.push('close')
          await close()
        },
      })
    },
  })
  const { fills, ended } = await openFills(t, createPlace(t), { wrap })
  // What came last is read from memory.
  const body = new ScriptedBody().push(CONTENT.subarray(0, HALF)).push(CONTENT.subarray(HALF)).end()
  const { reader } = fills.read(EXPECTED, createSource(body).open, 'a')
  const reading = reader.verified().then(() => reader.read(Buffer.alloc(10), 0))
  await ended(1)
  reader.release()
  rest.open()
  assert.equal(await reading, 10)
  await nextTurn()
  assert.deepEqual(steps, ['read', 'close'])
})

describe('the files of fills', COUNTS_FILES, () => {
  test('are closed at the end, whatever it was', async (t) => {
    const place = createPlace(t)
    const { fills } = await openFills(t, place)
    const wrong = seededBytes('wrong', EXPECTED.size)
    for (let round = 0; round < 100; round += 1) {
      const expected = { ...EXPECTED, digest: digestOf(CONTENT, round % 2 === 0 ? 'sha1' : 'md5') }
      const bodies = round % 3 === 0 ? [wrong, wrong] : [wrong, CONTENT]
      const readers = [0, 1, 2].map(
        () => fills.read(expected, createSource(...bodies.map(wholeBody)).open, 'a').reader,
      )
      await Promise.all(readers.map(failureOf))
      while (fills.size > 0) await nextTurn()
      await finish(fills.read(expected, createSource(wholeBody(CONTENT)).open, 'a').reader, EXPECTED.size)
    }
    await waitForOpenFiles(place.layout.blobs, 0)
  })

  test('are closed when nobody reads any more', async (t) => {
    const place = createPlace(t)
    const { fills, ended } = await openFills(t, place)
    const { reader } = fills.read(EXPECTED, createSource(wholeBody(CONTENT)).open, 'a')
    await ended(1)
    assert.equal(openFiles(place.layout.blobs).length, 1)
    reader.release()
    await waitForOpenFiles(place.layout.blobs, 0)
  })
})

describe('a fill whose store fails', () => {
  for (const method of ['create', 'write'] as const) {
    test(`fails once, leaves no body open and works again later: ${method}`, async (t) => {
      const place = createPlace(t)
      const store = createFailingStore(method)
      const { fills, ended } = await openFills(t, place, store)
      const body = new ScriptedBody().push(CONTENT)
      const source = createSource(body)
      assert.equal(await failureOf(fills.read(EXPECTED, source.open, 'a').reader), 'STORE_FAILED')
      await ended(1)
      assert.deepEqual(source.attempts, method === 'create' ? [] : [0])
      assert.equal(body.ended, method !== 'create')
      assert.deepEqual(place.temporaries(), [])
      store.failing = false
      const again = fills.read(EXPECTED, createSource(wholeBody(CONTENT)).open, 'a')
      assertBytes(await finish(again.reader, EXPECTED.size), CONTENT)
    })
  }

  test('after the bytes were found right fails no reader', async (t) => {
    const place = createPlace(t)
    const { fills, blobs, ends, ended } = await openFills(t, place, createFailingStore('publish'))
    const { reader } = fills.read(EXPECTED, createSource(wholeBody(CONTENT)).open, 'a')
    await ended(1)
    assertBytes(await finish(reader, EXPECTED.size), CONTENT)
    assert.deepEqual([ends, place.temporaries()], [['STORE_FAILED'], []])
    assert.equal(await blobs.open(EXPECTED.digest), undefined)
  })

  test('in closing its files troubles nobody', async (t) => {
    const place = createPlace(t)
    const { fills, ended, ends } = await openFills(t, place, createFailingStore('close'))
    const [early, late] = [0, 1].map(
      () => fills.read(EXPECTED, createSource(wholeBody(CONTENT)).open, 'a').reader,
    )
    early?.release()
    await ended(1)
    assert.ok(late)
    // An unhandled rejection here would fail the test.
    assertBytes(await finish(late, EXPECTED.size), CONTENT)
    const abandoned = fills.read(
      { digest: digestOf('x') },
      createSource(wholeBody(Buffer.from('x'))).open,
      'a',
    )
    abandoned.reader.release()
    await ended(2)
    await fills.close()
    assert.deepEqual(ends, ['stored', 'stored'])
  })

  test(
    'because the disk is full fails its readers, and the next one that fits does not',
    needs('root', 'mount'),
    async (t) => {
      const directory = mountSmallDisk(t)
      if (directory === undefined) {
        t.skip('a file system cannot be mounted here')
        return
      }
      const place = createPlace(t, directory)
      const { fills, claims, ends, ended } = await openFills(t, place)
      // That it cannot be written is told by what comes after that, a MiB later at most.
      const large = seededBytes('large', 6 << 20)
      const body = new ScriptedBody()
      for (let at = 0; at < large.length; at += 65_536) body.push(large.subarray(at, at + 65_536))
      const reader = fills.read({ digest: digestOf(large) }, createSource(body).open, 'a').reader
      assert.equal(await failureOf(reader), 'NO_SPACE')
      await ended(1)
      assert.deepEqual([place.temporaries(), body.ended], [[], true])
      await waitForOpenFiles(place.layout.blobs, 0)
      await waitForRoom(directory)
      // Giving up the claim may itself have found the disk full; it can be had all the same.
      const name = fillName({ digest: digestOf(large) })
      claims.tryClaim(name)?.release()
      assert.equal(claims.find(name), undefined)
      const next = fills.read(EXPECTED, createSource(wholeBody(CONTENT)).open, 'a').reader
      assertBytes(await finish(next, EXPECTED.size), CONTENT)
      await ended(2)
      assert.deepEqual(ends, ['NO_SPACE', 'stored'])
    },
  )
})
