import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { hashHref } from '../../src/snapshot/database.ts'
import { HashSet } from '../../src/snapshot/hash-set.ts'

test('a set of hashes knows which it has been given, as a Set does', () => {
  const hash = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 2 ** 48 - 1 }))
  fc.assert(
    fc.property(fc.array(hash, { maxLength: 300 }), (hashes) => {
      const [ours, known] = [new HashSet(), new Set<number>()]
      for (const one of hashes) {
        assert.equal(ours.add(one), !known.has(one))
        known.add(one)
      }
    }),
  )
})

test('a set of hashes grows past its first slots, and has all that it had before', () => {
  const set = new HashSet()
  const hashes = Array.from({ length: 20_000 }, (_, number) => hashHref(`Packages/${number}.rpm`))
  // The least and the greatest that there can be, and those that differ in their upper half alone.
  hashes.push(0, 2 ** 48 - 1, ...Array.from({ length: 50 }, (_, upper) => upper * 2 ** 32 + 7))
  for (const hash of hashes) assert.equal(set.add(hash), true)
  for (const hash of hashes) assert.equal(set.add(hash), false)
})
