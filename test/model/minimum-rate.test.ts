import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { heldBackBytes, nextTrickle } from '../../src/model/minimum-rate.ts'

const LEAST = 16 << 10

/** How long so many bytes that are held back last, in milliseconds; the rate does not matter to whoever has none left. */
function lastsMs(held: number): number {
  let ms = 0
  for (let left = held; left > 0;) {
    const { afterMs, bytes } = nextTrickle(left, held)
    ms += afterMs
    left -= bytes
  }
  return ms
}

describe('what is held back of a file that comes slowly', () => {
  const size = fc.integer({ min: 1, max: 1 << 28 })
  const bytesPerSecond = fc.integer({ min: 1, max: 1 << 28 })

  test('lasts for eight times as long as the file takes but for a piece or two, or is half of the answer', () =>
    fc.assert(
      fc.property(size, bytesPerSecond, (size, bytesPerSecond) => {
        const held = heldBackBytes(LEAST, { size, bytesPerSecond }, size)
        assert.ok(held >= LEAST)
        if (held < size >> 1) assert.ok(lastsMs(held) >= (8 * size * 1000) / bytesPerSecond - 30_000)
        else assert.ok(held === LEAST || held === size >> 1)
      }),
      { seed: 1_000, numRuns: 2_000 },
    ))

  test('comes at more than 1,000 bytes a second until a fifth is left, and then in pieces that are a second of five', () =>
    fc.assert(
      fc.property(size, fc.nat(), (held, gone) => {
        const left = held - (gone % held)
        const { afterMs, bytes } = nextTrickle(left, held)
        if (left * 5 > held) assert.ok((bytes * 1000) / afterMs >= 1_500)
        else assert.ok(bytes / 6 >= 1_000 && afterMs <= 20_000)
      }),
      { seed: 1_000, numRuns: 2_000 },
    ))

  test('is no more than that of what comes fast, or at an unknown rate', () => {
    for (const bytesPerSecond of [undefined, 100_000_000])
      assert.equal(heldBackBytes(LEAST, { size: 100 << 20, bytesPerSecond }, 100 << 20), LEAST)
  })
})
