import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { parseRange, type ByteRange } from '../../src/http/range.ts'

const SEED = 14_02

/** One spec of RFC 9110 §14.1.2, and which bytes of a body it means, by looking at every byte. */
interface Spec {
  readonly text: string
  readonly means: (position: number, size: number) => boolean
}

const bound = fc.nat({ max: 40 })
const spec: fc.Arbitrary<Spec> = fc.oneof(
  fc.tuple(bound, bound).map(([a, b]) => {
    const [first, last] = a <= b ? [a, b] : [b, a]
    return { text: `${first}-${last}`, means: (at: number) => at >= first && at <= last }
  }),
  bound.map((first) => ({ text: `${first}-`, means: (at: number) => at >= first })),
  bound.map((length) => ({ text: `-${length}`, means: (at: number, size: number) => at >= size - length })),
)

function bytesOf(ranges: readonly ByteRange[]): number[][] {
  return ranges.map(({ start, end }) => Array.from({ length: end - start + 1 }, (_, index) => start + index))
}

describe('a Range header', () => {
  test('means what a look at every byte says', () => {
    const spaces = fc.constantFrom('', ' ', '\t', ' ,')
    fc.assert(
      fc.property(
        fc.array(spec, { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 45 }),
        spaces,
        (specs, size, gap) => {
          const meant = specs
            .map(({ means }) => Array.from({ length: size }, (_, at) => at).filter((at) => means(at, size)))
            .filter((bytes) => bytes.length > 0)
          const found = parseRange(`bytes=${specs.map(({ text }) => text).join(`${gap},${gap}`)}`, size)
          const tooMany = meant.length > 1 && meant.flat().length > size
          assert.deepEqual(found === undefined ? undefined : bytesOf(found), tooMany ? undefined : meant)
        },
      ),
      { seed: SEED, numRuns: 5_000 },
    )
  })

  const ignored = [
    '',
    'bytes',
    'bytes=',
    'bytes=,',
    'bytes= , ,',
    'bytes=-',
    'bytes=a-b',
    'bytes=5-4',
    'bytes=0-1,x',
  ]
    .concat(['items=0-1', 'bytes=0-1;', 'bytes 0-1', 'bytes=--1', 'bytes=0--1', 'bytes=1', 'bytes=0 1-2'])
    .concat(['bytes=0x1-2', 'bytes=1.5-2', 'bytes=+1-2', 'bytes=0-1, bytes=2-3'])
  for (const header of ignored)
    test(`is ignored when it is malformed: ${JSON.stringify(header)}`, () =>
      assert.equal(parseRange(header, 10), undefined))

  test('knows its unit in any case', () =>
    assert.deepEqual(parseRange('Bytes=0-1', 10), [{ start: 0, end: 1 }]))

  test('takes numbers beyond all sizes', () => {
    const huge = '9'.repeat(400)
    assert.deepEqual(parseRange(`bytes=0-${huge}`, 10), [{ start: 0, end: 9 }])
    assert.deepEqual(parseRange(`bytes=-${huge}`, 10), [{ start: 0, end: 9 }])
    assert.deepEqual(parseRange(`bytes=${huge}-`, 10), [])
  })

  test('finds nothing in an empty body', () => {
    for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1', 'bytes=-0'])
      assert.deepEqual(parseRange(header, 0), [])
  })

  test('may hold 512 ranges, in the order asked, and no more', () => {
    const specs = Array.from({ length: 512 }, (_, index) => `${1023 - index * 2}-${1023 - index * 2}`)
    const found = parseRange(`bytes=${specs.join(',')}`, 1024) ?? []
    assert.deepEqual(
      found.map(({ start }) => start),
      Array.from({ length: 512 }, (_, index) => 1023 - index * 2),
    )
    assert.equal(parseRange(`bytes=${specs.join(',')},0-0`, 1024), undefined)
  })

  test('cannot multiply a body', () => {
    assert.equal(parseRange('bytes=0-9,0-9', 10), undefined)
    assert.equal(parseRange(`bytes=${Array.from({ length: 500 }, () => '0-').join(',')}`, 1 << 30), undefined)
    assert.deepEqual(parseRange('bytes=0-4,5-9', 10)?.length, 2)
  })
})
