import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ChunkPool } from '../../src/cache/chunk-pool.ts'

test('a large body gets a large buffer, which the next one gets again', () => {
  const pool = new ChunkPool()
  const first = pool.take(1 << 20)
  assert.equal(first.length, 256 << 10)
  pool.give(first)
  assert.equal(pool.take(1 << 20), first)
})

test('a small body gets no more than it needs, and an empty one a byte', () => {
  const pool = new ChunkPool()
  assert.deepEqual([pool.take(5_000).length, pool.take(0).length], [5_000, 1])
  pool.give(pool.take(5_000))
})

test('what a small body is read into is lent again, but never to two at a time, and only so much is kept', () => {
  const pool = new ChunkPool()
  const first = pool.take(40_000)
  const other = pool.take(40_000)
  assert.deepEqual([first.length, other.length], [40_000, 40_000])
  assert.notEqual(first.buffer, other.buffer)
  pool.give(first)
  pool.give(first)
  const again = [pool.take(30_000), pool.take(64 << 10)]
  assert.equal(again[0]?.buffer, first.buffer)
  assert.deepEqual(
    again.map(({ length }) => length),
    [30_000, 64 << 10],
  )
  assert.equal(new Set([other, ...again].map(({ buffer }) => buffer)).size, 3)
  for (const buffer of [other, ...again]) pool.give(buffer)
  // What others made is none of its own.
  pool.give(Buffer.allocUnsafeSlow(64 << 10))
  const many = Array.from({ length: 40 }, () => pool.take(40_000))
  assert.equal(new Set(many.map(({ buffer }) => buffer)).size, 40)
  for (const buffer of many) pool.give(buffer)
  const known = new Set(many.map(({ buffer }) => buffer))
  const next = Array.from({ length: 40 }, () => pool.take(40_000))
  assert.equal(next.filter(({ buffer }) => known.has(buffer)).length, 16)
})

test('a thousand slow clients hold 64 KiB each, and not more than 16 MiB beside', () => {
  const pool = new ChunkPool()
  const taken = Array.from({ length: 1_000 }, () => pool.take(1 << 20))
  const bytes = taken.reduce((sum, { length }) => sum + length, 0)
  assert.ok(bytes <= 1_000 * (64 << 10) + (16 << 20), `${bytes} bytes`)
  for (const buffer of taken) pool.give(buffer)
  assert.equal(pool.take(1 << 20).length, 256 << 10)
})
