import assert from 'node:assert/strict'
import { test } from 'node:test'

import { giveBack, PIECE_BYTES, Pieces } from '../../src/system/pieces.ts'

test('a piece that was given back is used again, and not before', () => {
  const pieces = new Pieces()
  const first = pieces.take()
  const second = pieces.take()
  assert.notEqual(second.buffer, first.buffer)
  const many = pieces.pass(first, 20_000)
  assert.equal(many.buffer, first.buffer)
  assert.equal(many.length, 20_000)
  giveBack(many.subarray(100))
  assert.equal(pieces.take(), first)
})

test('a piece that is given back twice is lent once', () => {
  const pieces = new Pieces()
  const piece = pieces.take()
  giveBack(piece)
  giveBack(piece)
  const [again, other] = [pieces.take(), pieces.take()]
  assert.equal(again, piece)
  assert.notEqual(other.buffer, piece.buffer)
})

test('few bytes are copied, and their piece is free at once', () => {
  const pieces = new Pieces()
  const piece = pieces.take()
  piece.write('few')
  const few = pieces.pass(piece, 3)
  assert.equal(pieces.take(), piece)
  piece.fill(0)
  assert.equal(few.toString(), 'few')
  giveBack(few)
  assert.notEqual(pieces.take().buffer, few.buffer)
})

test('no more pieces are kept than a dozen fills use', () => {
  const pieces = new Pieces()
  const lent = Array.from({ length: 90 }, () => pieces.take())
  assert.ok(lent.every(({ length }) => length === PIECE_BYTES))
  assert.equal(countKept(pieces, lent), 32)
})

test('of pieces that nobody uses any more a few are kept, and those that are used', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const pieces = new Pieces()
  const lent = Array.from({ length: 30 }, () => pieces.take())
  for (const piece of lent) giveBack(piece)
  // One more than the few was there when it began.
  t.mock.timers.tick(10_000)
  const used = Array.from({ length: 10 }, () => pieces.take())
  for (const piece of used) giveBack(piece)
  t.mock.timers.tick(10_000)
  // Of 29 there are 10 that were used, and 4 others may stay.
  assert.equal(countKept(pieces, lent), 14)
  t.mock.timers.tick(10_000)
  assert.equal(countKept(pieces, lent), 14)
  for (let looks = 0; looks < 2; looks += 1) t.mock.timers.tick(10_000)
  assert.equal(countKept(pieces, lent), 4)
})

/** Gives back what is lent, and lends anew, as many as are lent: how many of them were kept. They are given back again. */
function countKept(pieces: Pieces, lent: readonly Buffer[]): number {
  for (const piece of lent) giveBack(piece)
  const again = lent.map(() => pieces.take())
  for (const piece of again) giveBack(piece)
  return again.filter((piece) => lent.includes(piece)).length
}

test('bytes of anybody else are not taken', () => {
  const pieces = new Pieces()
  const foreign = Buffer.allocUnsafeSlow(PIECE_BYTES)
  giveBack(foreign)
  assert.notEqual(pieces.take().buffer, foreign.buffer)
})
