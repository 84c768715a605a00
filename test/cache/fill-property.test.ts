import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import * as fc from 'fast-check'

import type { FillSource } from '../../src/cache/source-race.ts'
import type { FillReader } from '../../src/cache/fill-reader.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { digestOf } from '../../src/model/digest.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { readWhole } from '../contract/blob-store.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { openFills } from './fills.ts'
import { createPlace } from './place.ts'

const SIZE = 1_000
const RUNS = 300

/** One copy that upstream sends. */
interface Copy {
  /** Where it differs from the right one, if it does. */
  readonly wrongAt: number | undefined
  /** How many bytes it has. */
  readonly length: number
  readonly pieces: readonly number[]
  readonly breaks: boolean
}

/** One client: when it comes, in event-loop turns, what it reads, how much at a time and how slowly. */
interface Client {
  readonly arrives: number
  readonly start: number
  readonly length: number
  readonly step: number
  readonly turns: number
  /** Whether it is lent what is in memory, and has it for as long as it takes to send. */
  readonly borrows: boolean
  readonly leavesAfter: number | undefined
}

const arbitraryCopy: fc.Arbitrary<Copy> = fc.record({
  wrongAt: fc.option(fc.nat(SIZE - 1), { nil: undefined, freq: 2 }),
  length: fc.oneof(fc.constant(SIZE), fc.nat(SIZE + 10)),
  pieces: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 }),
  breaks: fc.boolean(),
})

const arbitraryClient: fc.Arbitrary<Client> = fc.record({
  arrives: fc.nat(20),
  start: fc.oneof(fc.constant(0), fc.nat(SIZE - 1)),
  length: fc.integer({ min: 1, max: SIZE }),
  step: fc.integer({ min: 1, max: 500 }),
  turns: fc.nat(8),
  borrows: fc.boolean(),
  leavesAfter: fc.option(fc.nat(SIZE), { nil: undefined, freq: 4 }),
})

test('whatever comes from upstream, and whenever: what a client finishes is right', async (t) => {
  const place = createPlace(t)
  // Two processes, each of which every other client asks.
  const peers = [await openFills(t, place), await openFills(t, place)]
  let serial = 0
  const property = fc.asyncProperty(
    fc.array(arbitraryCopy, { minLength: 1, maxLength: 3 }),
    fc.array(arbitraryClient, { minLength: 1, maxLength: 6 }),
    fc.boolean(),
    async (copies, clients, sized) => {
      serial += 1
      const content = seededBytes(`${serial}`, SIZE)
      const expected = { digest: digestOf(content), ...(sized ? { size: SIZE } : {}) }
      const source = createSource(content, copies)
      const results = await Promise.all(
        clients.map((client, index) =>
          readAs(client, () => peers[index % 2]?.fills.read(expected, source, 'a').reader as FillReader),
        ),
      )
      for (const [index, result] of results.entries())
        checkResult(result, clients[index] as Client, content, copies)
      while (peers.some(({ fills }) => fills.size > 0)) await nextTurn()
      assert.deepEqual(place.temporaries(), [])
      const blob = await peers[0]?.blobs.open(expected.digest)
      if (blob !== undefined) assertBytes(await readWhole(blob, blob.size), content)
      blob?.close()
    },
  )
  await fc.assert(property, { seed: 20_161_213, numRuns: RUNS })
})

/** Gives one copy after the other, whoever asks, and trouble when there is none left. */
function createSource(content: Buffer, copies: readonly Copy[]): FillSource {
  const left = [...copies]
  return () => {
    const copy = left.shift()
    if (copy === undefined) return Promise.reject(new PinyonError('UPSTREAM_UNREACHABLE', 'no copy left'))
    return Promise.resolve(play(content, copy))
  }
}

async function* play(content: Buffer, { wrongAt, length, pieces, breaks }: Copy): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.concat([content, Buffer.alloc(10)]).subarray(0, length)
  if (wrongAt !== undefined && wrongAt < length) bytes[wrongAt] = ~(bytes[wrongAt] ?? 0) & 0xff
  for (let at = 0, piece = 0; at < length; piece += 1) {
    const size = pieces[piece % pieces.length] ?? 1
    await nextTurn()
    yield bytes.subarray(at, at + size)
    at += size
  }
  if (breaks) throw new PinyonError('UPSTREAM_SHORT', 'cut')
}

interface Result {
  readonly bytes: Buffer
  /** `done` when all was read and found right, `left`, or the code of an error. */
  readonly end: string
}

async function readAs(client: Client, open: () => FillReader): Promise<Result> {
  for (let turn = 0; turn < client.arrives; turn += 1) await nextTurn()
  const reader = open()
  const bytes = Buffer.alloc(client.length)
  let received = 0
  const result = (end: string) => ({ bytes: bytes.subarray(0, received), end })
  try {
    while (received < client.length) {
      if (client.leavesAfter !== undefined && received >= client.leavesAfter) return result('left')
      const target = bytes.subarray(received, received + client.step)
      const position = client.start + received
      const lent = client.borrows ? await reader.lend(position, target.length) : undefined
      const count = lent?.bytes.copy(target) ?? (await reader.read(target, position))
      if (count === 0) break
      received += count
      for (let turn = 0; turn < client.turns; turn += 1) await nextTurn()
      if (lent !== undefined) assertBytes(lent.bytes, target.subarray(0, count))
      lent?.release()
    }
    await reader.verified()
    return result('done')
  } catch (error) {
    return result((error as PinyonError).code)
  } finally {
    reader.release()
  }
}

const FAILURES = ['DIGEST_MISMATCH', 'UPSTREAM_SHORT', 'UPSTREAM_OVERSIZE', 'UPSTREAM_UNREACHABLE']

function checkResult(
  { bytes, end }: Result,
  client: Client,
  content: Buffer,
  [first]: readonly Copy[],
): void {
  const right = content.subarray(client.start, client.start + client.length)
  if (end === 'done') assertBytes(bytes, right)
  else assert.ok(end === 'left' || FAILURES.includes(end), end)
  const firstIsRight = first?.wrongAt === undefined && first?.length === SIZE && !first.breaks
  if (firstIsRight) assert.ok(end === 'left' || end === 'done', end)
}
