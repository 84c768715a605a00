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

test('no more pieces are kept than a few', () => {
  const pieces = new Pieces()
  const lent = Array.from({ length: 40 }, () => pieces.take())
  assert.ok(lent.every(({ length }) => length === PIECE_BYTES))
  for (const piece of lent) giveBack(piece)
  const again = Array.from({ length: 40 }, () => pieces.take())
  assert.equal(again.filter((piece) => lent.includes(piece)).length, 8)
})

test('bytes of anybody else are not taken', () => {
  const pieces = new Pieces()
  const foreign = Buffer.allocUnsafeSlow(PIECE_BYTES)
  giveBack(foreign)
  assert.notEqual(pieces.take().buffer, foreign.buffer)
})
