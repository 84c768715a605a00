import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { giveBack, Pieces } from '../../src/system/pieces.ts'
import { PieceBody } from '../../src/upstream/piece-body.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

const CONTENT = seededBytes('in pieces', 3 << 20)

/** A body, and what it has told whoever brings it. */
function createBody(): { body: PieceBody; told: string[] } {
  const told: string[] = []
  const tell = (what: string) => () => void told.push(what)
  const body = new PieceBody(new Pieces(), {
    pause: tell('pause'),
    resume: tell('resume'),
    giveUp: tell('giveUp'),
    onRead: tell('onRead'),
  })
  return { body, told }
}

test('all bytes come once and in order, however they come and are read, and whoever gives its pieces back', async () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ push: fc.oneof(fc.nat(2_000), fc.nat(400_000)) }),
      fc.record({ read: fc.boolean() }),
    ),
    { maxLength: 40 },
  )
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const { body, told } = createBody()
      const memory = Buffer.alloc(400_000)
      const read: Buffer[] = []
      let [pushed, waiting] = [0, 0]
      const take = async (isGivenBack: boolean) => {
        const { value } = await body.next()
        assert.ok(value && value.length > 0)
        read.push(Buffer.from(value))
        waiting -= value.length
        if (isGivenBack) giveBack(value)
      }
      for (const step of given) {
        if ('read' in step) {
          if (waiting > 0) await take(step.read)
        } else {
          const count = Math.min(step.push, CONTENT.length - pushed)
          // What comes is valid during the call only.
          CONTENT.copy(memory, 0, pushed, pushed + count)
          body.push(memory.subarray(0, count))
          memory.fill(0)
          pushed += count
          waiting += count
        }
        const isPaused = told.filter((what) => what !== 'onRead').at(-1) === 'pause'
        assert.equal(isPaused, waiting >= 512 << 10)
      }
      body.end()
      while (waiting > 0) await take(true)
      assert.equal((await body.next()).done, true)
      assertBytes(Buffer.concat(read), CONTENT.subarray(0, pushed))
      assert.equal(told.at(-1), 'onRead')
    }),
    { numRuns: 60 },
  )
})

test('who waits for bytes is woken by them, by the end, and by a failure', async () => {
  const { body } = createBody()
  const first = body.next()
  body.push(Buffer.from('bytes'))
  assert.equal(Buffer.from((await first).value ?? []).toString(), 'bytes')
  const end = body.next()
  body.end()
  assert.equal((await end).done, true)
  const broken = createBody().body
  const failed = broken.next()
  broken.fail(new Error('broken off'))
  await assert.rejects(failed, /broken off/)
})

test('what has come of a body that breaks off is read all the same', async () => {
  const { body } = createBody()
  body.push(CONTENT.subarray(0, 100_000))
  body.fail(new Error('broken off'))
  const read: Uint8Array[] = []
  await assert.rejects(async () => {
    for await (const piece of body) read.push(piece)
  }, /broken off/)
  assertBytes(Buffer.concat(read), CONTENT.subarray(0, 100_000))
})

test('a body that nobody reads on is given up once, unless all has come', async () => {
  const coming = createBody()
  coming.body.push(CONTENT.subarray(0, 100_000))
  for await (const piece of coming.body) {
    assert.ok(piece.length > 0)
    break
  }
  await coming.body.return()
  coming.body.push(Buffer.from('late'))
  assert.equal((await coming.body.next()).done, true)
  assert.equal(coming.told.filter((what) => what === 'giveUp').length, 1)
  const whole = createBody()
  whole.body.push(Buffer.from('bytes'))
  whole.body.end()
  await whole.body.return()
  assert.deepEqual(whole.told, ['onRead'])
})

test('the first piece is short, so that it goes on soon', async () => {
  const { body } = createBody()
  body.push(CONTENT.subarray(0, 200_000))
  const lengths: (number | undefined)[] = []
  for (const _ of ['first', 'second']) lengths.push((await body.next()).value?.length)
  assert.deepEqual(lengths, [32 << 10, 200_000 - (32 << 10)])
})
