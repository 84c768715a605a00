import type { Random } from '../support/random.ts'

/** Bytes that parsers of all kinds trip over. */
const ODD_BYTES = [
  0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x25, 0x26, 0x27, 0x2d, 0x2e, 0x2f, 0x3a, 0x3c, 0x3e, 0x5c, 0x7f, 0x80,
  0xc0, 0xfe, 0xff,
]
/** Longer inputs take longer and find nothing more. */
const MAX_BYTES = 16 << 10

/**
 * Changes an input in one to four ways: bits, bytes, pieces that are cut out, doubled, moved or of another input, words of the input's
 * language, numbers at their limits.
 */
export function mutate(
  input: Buffer,
  { random, words, other }: { random: Random; words: readonly string[]; other: Buffer },
): Buffer {
  let bytes: Buffer = Buffer.from(input)
  for (let change = 1 + random.below(4); change > 0; change -= 1)
    bytes = changeOnce(bytes, random, words, other)
  return bytes.subarray(0, MAX_BYTES)
}

/** What a reader is given that takes the square of its input's length shows with these. */
const LONG_BYTES = 128 << 10

/** Repeats a word or two of an input's language, or odd bytes, somewhere in it, very often. */
export function lengthen(
  input: Buffer,
  { random, words }: { random: Random; words: readonly string[] },
): Buffer {
  const at = random.below(input.length + 1)
  const part = () =>
    random.once(2) ? Buffer.from([random.pick(ODD_BYTES)]) : Buffer.from(random.pick(words), 'latin1')
  // Spaces above all: they may stand nearly anywhere, and are looked for from both sides.
  const unit = random.once(3)
    ? Buffer.from(' ')
    : Buffer.concat(Array.from({ length: 1 + random.below(2) }, part))
  return Buffer.concat([input.subarray(0, at), Buffer.alloc(LONG_BYTES, unit), input.subarray(at)])
}

function changeOnce(bytes: Buffer, random: Random, words: readonly string[], other: Buffer): Buffer {
  const at = random.below(bytes.length + 1)
  const length = 1 + random.below(random.pick([1, 4, 64, 512]))
  const [before, part, after] = [
    bytes.subarray(0, at),
    bytes.subarray(at, at + length),
    bytes.subarray(at + length),
  ]
  const word = Buffer.from(random.pick(words), 'latin1')
  switch (random.below(9)) {
    case 0:
      return Buffer.concat([before, after])
    case 1:
      return Buffer.concat([before, part, part, after])
    case 2:
      return Buffer.concat([before, word, part, after])
    case 3:
      return Buffer.concat([before, word, after])
    case 4:
      return Buffer.concat([before, Buffer.from([random.pick(ODD_BYTES)]), bytes.subarray(at)])
    case 5: {
      const start = random.below(other.length + 1)
      return Buffer.concat([before, other.subarray(start, start + length), after])
    }
    case 6:
      return Buffer.concat([after, part, before])
    case 7:
      return Buffer.from(bytes.toString('latin1').replace(/\d+/, random.pick(NUMBERS)), 'latin1')
    default: {
      const changed = Buffer.from(bytes)
      if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8))
      return changed
    }
  }
}

const NUMBERS = [
  '0',
  '-1',
  '00',
  '1e9',
  '2147483648',
  '4294967295',
  '9007199254740993',
  '18446744073709551616',
  '9'.repeat(40),
  '',
]
