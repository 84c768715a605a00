import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { EXACT_MEMBERS, hashMember, Sketch } from '../../src/model/sketch.ts'
import { Random } from '../support/random.ts'

const SEED = 20161213

function sketchOf(members: Iterable<string>, seed = 'seed'): Sketch {
  const sketch = new Sketch()
  for (const member of members) sketch.add(hashMember(seed, member))
  return sketch
}

/** Addresses of a network of their own, that many. */
function addresses(count: number, network = 0): string[] {
  return Array.from({ length: count }, (_, index) => `10.${network}.${index >> 8}.${index & 255}`)
}

/** Up to a thousand members out of two thousand, so that two of them overlap. */
const someMembers = fc.uniqueArray(fc.integer({ min: 0, max: 2_000 }).map(String), { maxLength: 1_000 })

describe('a sketch', () => {
  test('counts exactly while members are few', () => {
    const property = fc.property(fc.array(fc.string(), { maxLength: EXACT_MEMBERS }), (members) => {
      assert.equal(sketchOf(members).count(), new Set(members).size)
    })
    fc.assert(property, { seed: SEED })
    assert.equal(sketchOf(addresses(EXACT_MEMBERS)).count(), EXACT_MEMBERS)
  })

  test('counts about right when they are many: within 25 % always, within 5 % on the average', () => {
    for (const size of [EXACT_MEMBERS + 1, 300, 1_000, 3_000, 10_000, 50_000]) {
      let squares = 0
      for (let round = 0; round < 20; round += 1) {
        const error = sketchOf(addresses(size), `seed ${round}`).count() / size - 1
        assert.ok(Math.abs(error) < 0.25, `${size}: ${error}`)
        squares += error ** 2
      }
      assert.ok(Math.sqrt(squares / 20) < 0.07, `${size}: ${Math.sqrt(squares / 20)}`)
    }
  })

  test('counts millions, in the same size', () => {
    const random = new Random(SEED)
    const sketch = new Sketch()
    for (let count = 0; count < 5_000_000; count += 1) sketch.add(random.below(2 ** 32))
    assert.ok(Math.abs(sketch.count() / 5_000_000 - 1) < 0.15, String(sketch.count()))
    assert.equal(sketch.toBytes().length, 513)
  })

  test('of a union is the merge of the sketches, to the byte', () => {
    const property = fc.property(someMembers, someMembers, (some, others) => {
      const merged = sketchOf(some)
      merged.merge(sketchOf(others))
      assert.deepEqual(merged.toBytes(), sketchOf([...others, ...some]).toBytes())
    })
    fc.assert(property, { seed: SEED, numRuns: 300 })
  })

  test('is the same after it was stored, and its size is bounded', () => {
    const property = fc.property(someMembers, (members) => {
      const bytes = sketchOf(members).toBytes()
      assert.ok(bytes.length <= 513)
      const read = Sketch.from(bytes)
      assert.deepEqual([read.toBytes(), read.count()], [bytes, sketchOf(members).count()])
    })
    fc.assert(property, { seed: SEED })
    assert.equal(sketchOf(addresses(50_000)).toBytes().length, 513)
  })

  test('does not grow or shrink by what it has seen before', () => {
    const before = sketchOf(addresses(5_000))
    const bytes = before.toBytes()
    before.merge(sketchOf(addresses(500)))
    assert.deepEqual(before.toBytes(), bytes)
    before.merge(sketchOf(addresses(5_000, 1)))
    assert.ok(before.count() > 8_000)
  })

  test('refuses what is none', () => {
    for (const bytes of [[], [2], [0, 1, 2], [1, 1, 1], [0, ...Array.from({ length: 4_000 }, () => 1)]])
      assert.throws(() => Sketch.from(Uint8Array.from(bytes)), { code: 'STORE_FAILED' })
  })

  test('cannot be steered by who does not know the seed', () => {
    // Of very many addresses the one for each register that raises it most, if the seed is known.
    const best = new Map<number, { address: string; zeros: number }>()
    for (const address of addresses(200_000)) {
      const hash = hashMember('known', address)
      const zeros = Math.clz32(hash << 9)
      if (zeros > (best.get(hash >>> 23)?.zeros ?? -1)) best.set(hash >>> 23, { address, zeros })
    }
    const chosen = [...best.values()].map(({ address }) => address)
    assert.equal(chosen.length, 512)
    const fooled = sketchOf(chosen, 'known').count()
    const right = sketchOf(chosen, 'secret').count()
    assert.ok(fooled > 20 * chosen.length, `${fooled} for ${chosen.length}`)
    assert.ok(Math.abs(right / chosen.length - 1) < 0.25, `${right} for ${chosen.length}`)
  })
})
