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

test('a thousand slow clients hold 64 KiB each, and not more than 16 MiB beside', () => {
  const pool = new ChunkPool()
  const taken = Array.from({ length: 1_000 }, () => pool.take(1 << 20))
  const bytes = taken.reduce((sum, { length }) => sum + length, 0)
  assert.ok(bytes <= 1_000 * (64 << 10) + (16 << 20), `${bytes} bytes`)
  for (const buffer of taken) pool.give(buffer)
  assert.equal(pool.take(1 << 20).length, 256 << 10)
})
