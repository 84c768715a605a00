import assert from 'node:assert/strict'
import { test } from 'node:test'

import { FillAttempt } from '../../src/cache/fill-attempt.ts'
import { Loans } from '../../src/cache/lent-piece.ts'
import { PIECE_BYTES, Pieces } from '../../src/system/pieces.ts'

/** A file that has all that an attempt has been given. */
const WRITTEN = {
  written: () => Promise.resolve(Infinity),
  read: () => Promise.resolve(0),
  close: () => Promise.resolve(),
}

/** An attempt, and what gives it the next piece, full of a number. */
function growing(loans = new Loans()) {
  const pieces = new Pieces()
  const attempt = new FillAttempt(WRITTEN, loans)
  const grow = (value: number) => {
    const piece = pieces.take().fill(value)
    attempt.receive(piece)
    return piece
  }
  return { pieces, attempt, grow }
}

test('what is lent stays as it is after its attempt has done with it, and is used again when it is given back', () => {
  const { pieces, attempt, grow } = growing()
  const first = grow(1)
  const lent = attempt.lend(1_000, 5_000)
  grow(2)
  assert.equal(attempt.lend(1_000, 5_000), undefined)
  const next = grow(3)
  assert.notEqual(next, first)
  assert.deepEqual(lent?.bytes, Buffer.alloc(5_000, 1))
  lent?.release()
  assert.equal(pieces.take(), first)
})

test('what several were lent is used again when the last of them has given it back', () => {
  const { pieces, attempt, grow } = growing()
  const first = grow(1)
  const lent = [attempt.lend(0, 10), attempt.lend(PIECE_BYTES - 10, 100)]
  assert.deepEqual(
    lent.map((one) => one?.bytes.length),
    [10, 10],
  )
  grow(2)
  lent[0]?.release()
  assert.notEqual(pieces.take(), first)
  lent[1]?.release()
  assert.equal(pieces.take(), first)
})

test('what is given back while its attempt needs it is not used for anything else', async () => {
  const { pieces, attempt, grow } = growing()
  const first = grow(1)
  attempt.lend(0, 10)?.release()
  assert.notEqual(pieces.take(), first)
  const lent = attempt.lend(0, 10)
  await attempt.close()
  assert.notEqual(pieces.take(), first)
  assert.deepEqual(lent?.bytes, Buffer.alloc(10, 1))
  lent?.release()
  assert.equal(pieces.take(), first)
})

test('no more than 32 pieces are lent at a time, of whatever attempts, each to any number of readers', () => {
  const loans = new Loans()
  const grown = Array.from({ length: 33 }, (_, value) => {
    const one = growing(loans)
    one.grow(value)
    return one
  })
  const lent = grown.map(({ attempt }) => attempt.lend(0, 10))
  assert.deepEqual(
    lent.flatMap((one, at) => (one === undefined ? [at] : [])),
    [32],
  )
  const [first, last] = [grown[0]?.attempt, grown[32]?.attempt]
  const again = first?.lend(5, 10)
  assert.equal(again?.bytes.length, 10)
  lent[0]?.release()
  assert.equal(last?.lend(0, 10), undefined)
  again?.release()
  assert.equal(last?.lend(0, 10)?.bytes[0], 32)
  assert.equal(first?.lend(0, 10), undefined)
})
