import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cleanWhy, Comments, WHY_MAX_LENGTH } from '../../src/config/why.ts'
import { ConfigFile } from './support.ts'

const PIN = '2016-12-13-13-30'

/** Each text with the line and the reason of the pin of its only mirror. */
const CASES: readonly [string, string, number, string?][] = [
  ['alone', `mirrors:\n  m:\n    baseurl: http://h/\n    pin: ${PIN}\n`, 4],
  [
    'a comment beside it',
    `mirrors:\n  m:\n    baseurl: http://h/ # a\n    pin: ${PIN}  # b # c\n`,
    4,
    'b # c',
  ],
  [
    'comments above it',
    `mirrors:\n  m:\n    baseurl: http://h/\n    # away\n\n    # a\n    ## b\n    pin: ${PIN}\n    # c\n`,
    8,
    'a b',
  ],
  ['both', `mirrors:\n  m:\n    # above\n    pin: ${PIN} # beside\n    baseurl: http://h/\n`, 4, 'beside'],
  ['an empty comment', `mirrors:\n  m:\n    # above\n    pin: ${PIN} #\n    baseurl: http://h/\n`, 4],
  ['Windows line ends', `mirrors:\r\n  m:\r\n    pin: ${PIN} # a\r\n    baseurl: http://h/\r\n`, 3, 'a'],
  ['flow', `{ data_dir: 'a #b', mirrors: { m: { baseurl: http://h/, pin: "${PIN}" } } } # a`, 1, 'a'],
  ['flow on lines', `mirrors: {m: {\n  pin: ${PIN}, # a\n  baseurl: http://h/ } } # b`, 2, 'a'],
  ['its value below', `mirrors:\n  m:\n    baseurl: http://h/\n    # a\n    pin:\n      ${PIN}\n`, 6, 'a'],
  [
    'non-ASCII',
    `mirrors:\n  m:\n    baseurl: http://h/\n    pin: ${PIN} # größer \u{1f600}\u0007\n`,
    4,
    'größer \u{1f600}',
  ],
  ['a variable', `mirrors:\n  m:\n    baseurl: http://h/\n    pin: \${PIN} # a\n`, 4, 'a'],
]

describe('a pin is read', () => {
  for (const [name, text, line, why] of CASES) {
    test(name, (t) => {
      const { pin, pinLine, pinWhy } = new ConfigFile(t).mirror(text, { PIN })
      assert.deepEqual([pin, pinLine, pinWhy], [PIN, line, why])
    })
  }

  test('with its reason by a mirror that repeats another', (t) => {
    const text = `mirrors:\n  a: &a\n    baseurl: http://h/\n    pin: ${PIN} # why\n  b: *a\n`
    const mirror = new ConfigFile(t).load(text).mirrors.get('b')
    assert.deepEqual([mirror?.pin, mirror?.pinLine, mirror?.pinWhy], [PIN, 4, 'why'])
  })

  test('not where there is none', (t) => {
    const mirror = new ConfigFile(t).mirror('mirrors:\n  m:\n    # a\n    baseurl: http://h/ # b\n')
    assert.deepEqual(
      Object.keys(mirror).filter((key) => key.startsWith('pin')),
      [],
    )
  })
})

describe('what looks like a comment', () => {
  for (const text of [
    'a: |\n  # no\nb: 1\n',
    'a: "x\n  # no"\nb: 1\n',
    "a: x#\nb: '1 # no'\n",
    'a: >+\n # no\nb: 1',
  ]) {
    test(JSON.stringify(text), () => {
      const line = text.trimEnd().split('\n').length
      assert.equal(new Comments(text).about(line, line), undefined)
      assert.equal(new Comments(`${text.trimEnd()} # yes`).about(line, line), 'yes')
    })
  }
})

describe('cleanWhy', () => {
  test('makes one printable line', () => {
    assert.equal(cleanWhy(' a\r\n\tb\u0000c\u2028d\u202ee\u009b \n'), 'a b c d e')
    assert.equal(cleanWhy('\n \t'), '')
    assert.equal(cleanWhy('\ud800#1'), '\ufffd#1')
  })

  test('cuts what nobody reads', () => {
    assert.equal(cleanWhy('x'.repeat(WHY_MAX_LENGTH)), 'x'.repeat(WHY_MAX_LENGTH))
    assert.equal(cleanWhy('x'.repeat(100_000)), `${'x'.repeat(WHY_MAX_LENGTH - 1)}…`)
  })
})
