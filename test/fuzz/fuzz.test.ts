import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { fuzzFastPath } from './fast-path.ts'
import { fuzz } from './fuzz.ts'
import type { FuzzTarget } from './target.ts'
import { TARGETS } from './targets.ts'

/** A slice of `npm run fuzz`, the same every time. */
const CASES = 15_000
const SEED = 20_161_213

describe('whatever bytes come', () => {
  for (const { target, share } of TARGETS)
    test(`${target.name}: no crash, no hang, no disagreement`, () => {
      const { kinds } = fuzz(target, { cases: Math.round(CASES * share), seed: SEED })
      assert.ok(kinds >= 2, `${kinds} kinds of outcomes`)
    })
})

test('whatever a connection sends, answers without node:http are those with it', async () => {
  const { kinds } = await fuzzFastPath({ cases: 3_000, seed: SEED })
  assert.ok(kinds >= 10, `${kinds} kinds of outcomes`)
})

describe('the fuzzer', () => {
  const target: FuzzTarget = {
    name: 'a reader with a mistake',
    seeds: ['abc'],
    words: ['<', 'x'],
    check: (input) => {
      if (input.toString('latin1').includes('<<')) throw new Error('a mistake')
      return `${input.length % 7} ${input.includes('<')}`
    },
  }

  test('finds what is wrong, and says how to find it again', () => {
    const [first, ...stack] = messageOf(target)
    assert.match(first ?? '', /^a reader with a mistake, seed 1, case \d+: Error: a mistake$/)
    const input = stack.find((line) => line.startsWith('input, base64: '))
    assert.match(Buffer.from(input?.slice(15) ?? '', 'base64').toString('latin1'), /<</)
    const again = messageOf(target)
    assert.ok(again[0] === first && again.includes(input ?? ''))
  })

  test('goes on from inputs that lead to something new', () => {
    assert.ok(
      fuzz({ ...target, check: (input) => String(input.length) }, { cases: 2_000, seed: 1 }).kinds > 50,
    )
  })
})

function messageOf(target: FuzzTarget): string[] {
  try {
    fuzz(target, { cases: 10_000, seed: 1 })
  } catch (error) {
    return (error as Error).message.split('\n')
  }
  return []
}
