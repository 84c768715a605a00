import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { injectConfig } from '../../src/inject/inject.ts'
import { inject, mapOf } from '../support/injection.ts'

const URL = 'http://m/repos/yum/a/2021-12-07-09-29'
const MAP = mapOf({ a: URL })

/** A piece of a configuration, and whether injecting into a section of mirror `a` may change it. */
interface Piece {
  readonly bytes: string
  readonly isChanged: boolean
}

const oneOf = (...values: readonly string[]) => fc.constantFrom(...values)
// Latin-1 as well as UTF-8 bytes, one character each.
const word = fc
  .string({
    unit: oneOf('a', 'b', '1', '.', '/', ':', '=', '#', '%', '\xf6', '\xc3\xa4', ' ', '\t', '"'),
    maxLength: 12,
  })
  .filter((text) => !/^[ \t]*[#;[]/.test(text))
const eol = oneOf('\n', '\n', '\n', '\r\n')
const blank = oneOf('', '', ' ', '\t ')
const comment = fc.tuple(oneOf('#', ';', '# baseurl=', '#mirrorlist'), word).map((parts) => parts.join(''))

const aside = fc
  .tuple(fc.oneof(comment, fc.constant('')), eol)
  .map((parts): Piece => ({ bytes: parts.join(''), isChanged: false }))
const continuation = fc
  .tuple(
    oneOf(' ', '\t', '    '),
    word.map((text) => `x${text}`),
    eol,
  )
  .map((parts) => parts.join(''))

const pair = (keys: fc.Arbitrary<string>, isChanged: boolean) =>
  fc
    .tuple(keys, blank, oneOf('=', ':'), blank, word, blank, eol, fc.array(continuation, { maxLength: 2 }))
    .map(([...parts]): Piece => ({ bytes: parts.flat().join(''), isChanged }))
const kept = pair(oneOf('name', 'Name', 'gpgkey', 'exclude', 'skip_if_unavailable', 'n\xf6'), false)
const changed = pair(oneOf('baseurl', 'BaseUrl', 'mirrorlist', 'metalink', 'proxy', 'PROXY'), true)

const section = (id: fc.Arbitrary<string>) =>
  fc
    .tuple(id, oneOf('', ' ', '# c'), eol, fc.array(fc.oneof(aside, kept, changed), { maxLength: 8 }))
    .map(([id, rest, eol, pieces]): Piece[] => [
      { bytes: `[${id}]${rest}${eol}`, isChanged: false },
      ...pieces.map((piece) => ({ ...piece, isChanged: piece.isChanged && id === 'a' })),
    ])

const file = (id: fc.Arbitrary<string>) =>
  fc
    .tuple(
      oneOf('', '', '\xef\xbb\xbf'),
      fc.array(aside, { maxLength: 3 }),
      fc.array(section(id), { maxLength: 5 }),
    )
    .map(([bom, head, sections]): Piece[] => [{ bytes: bom, isChanged: false }, ...head, ...sections.flat()])

const toText = (pieces: readonly Piece[]) => pieces.map(({ bytes }) => bytes).join('')
const cut = (text: string, isCut: boolean) => (isCut ? text.replace(/\r?\n$/, '') : text)

/** A line that injecting writes. */
function isOurs(line: string): boolean {
  return /^(?:baseurl|proxy)[ \t]*=[ \t]*(?:http:\/\/m\/\S+|None)\r?\n?$/.test(line)
}

test('1,000 configurations without a mirror come back byte for byte', () => {
  const files = fc.tuple(file(oneOf('b', 'main', 'A', 'a ', '\xf6')), fc.boolean())
  fc.assert(
    fc.property(files, ([pieces, isCut]) => {
      const bytes = Buffer.from(cut(toText(pieces), isCut), 'latin1')
      const result = injectConfig(bytes, 'yum', MAP)
      assert.ok(result.bytes.equals(bytes))
      assert.equal(result.changed, false)
    }),
    { seed: 51, numRuns: 1000 },
  )
})

test('1,000 configurations with one do so outside of the keys that change', () => {
  let changes = 0
  const files = fc.tuple(file(oneOf('a', 'a', 'b', 'main')), fc.boolean())
  fc.assert(
    fc.property(files, ([pieces, isCut]) => {
      const text = cut(toText(pieces), isCut)
      const result = injectConfig(Buffer.from(text, 'latin1'), 'yum', MAP)
      const found = result.bytes.toString('latin1')
      const left = found.split(/(?<=\n)/).filter((line) => !isOurs(line))
      const last = pieces.length - 1
      const written = pieces.map((piece, index) => ({
        ...piece,
        bytes: cut(piece.bytes, isCut && index === last),
      }))
      const expected = toText(written.filter(({ isChanged }) => !isChanged))
      // Where a file ends without a line break, what is appended brings one.
      assert.equal(cut(left.join(''), isCut), cut(expected, isCut))
      if (result.changed) changes += 1
      const again = injectConfig(result.bytes, 'yum', MAP)
      assert.ok(again.bytes.equals(result.bytes))
    }),
    { seed: 52, numRuns: 1000 },
  )
  assert.ok(changes > 500, String(changes))
})

describe('what survives', () => {
  const cases: [string, string, string][] = [
    [
      'endings of DOS, which new lines take over',
      '[a]\r\nname=b\r\nmetalink=c\r\n',
      `[a]\r\nname=b\r\nbaseurl=${URL}\r\nproxy=None\r\n`,
    ],
    [
      'what dnf takes for a value below an empty line of DOS, and would for that of the key above',
      '[a]\r\nname=b\r\nmetalink=c\r\n\r\n  # d\r\n\r\n[e]\r\n',
      `[a]\r\nname=b\r\n\r\n# d\r\nbaseurl=${URL}\r\nproxy=None\r\n\r\n[e]\r\n`,
    ],
    [
      'mixed endings, a new line taking that of its neighbour',
      '[b]\n[a]\r\nname=b\n\r\n[c]\r\n',
      `[b]\n[a]\r\nname=b\nbaseurl=${URL}\nproxy=None\n\r\n[c]\r\n`,
    ],
    ['a missing last line break', '[a]\nbaseurl=b\nproxy=c', `[a]\nbaseurl=${URL}\nproxy=None`],
    [
      'a missing last line break where the last line goes',
      '[a]\nmirrorlist=b',
      `[a]\nbaseurl=${URL}\nproxy=None`,
    ],
    [
      'a missing last line break behind a comment',
      '[a]\nproxy=b\nmirrorlist=c\n # d',
      `[a]\nproxy=None\n# d\nbaseurl=${URL}`,
    ],
    ['a byte order mark', '\ufeff[a]\nbaseurl=b\nproxy=None\n', `\ufeff[a]\nbaseurl=${URL}\nproxy=None\n`],
    [
      'tabs and spaces around the sign',
      '[a]\nbaseurl\t=  b  \nproxy =\tc\n',
      `[a]\nbaseurl\t=  ${URL}\nproxy =\tNone\n`,
    ],
    [
      'what is right already, blanks at its end too',
      `[a]\nbaseurl =${URL}  \nproxy=None \n`,
      `[a]\nbaseurl =${URL}  \nproxy=None \n`,
    ],
    ['a comment behind a header', '[a] # b\n', `[a] # b\nbaseurl=${URL}\nproxy=None\n`],
    [
      'blank lines and comments within values of other keys',
      '[a]\ngpgkey=b\n\n # c\n  d\n# e\n',
      `[a]\ngpgkey=b\n\n # c\n  d\nbaseurl=${URL}\nproxy=None\n# e\n`,
    ],
  ]
  for (const [title, before, after] of cases) test(title, () => assert.equal(inject(before, MAP).text, after))

  test('bytes that are no UTF-8, in comments, values and ids', () => {
    const bytes = Buffer.from(
      '# Zubeh\xf6r\n[\xf6]\nname=\xe4\n[a]\nname=\xfc\nbaseurl=\xdf\nproxy=None\n',
      'latin1',
    )
    const { bytes: result, unmatched } = injectConfig(bytes, 'yum', MAP)
    assert.equal(result.toString('latin1'), bytes.toString('latin1').replace('\xdf', URL))
    assert.deepEqual(unmatched, [{ id: '\ufffd', line: 2 }])
  })

  test('ids and URLs of any letters', () => {
    const map = mapOf({ 'größe-el7': 'http://mäk/大' }, { 'größe-el7': [['ß', 'http://ß']] })
    assert.equal(
      inject('[größe-el7]\n', map).text,
      '[ß]\nbaseurl=http://ß\nproxy=None\n\n[größe-el7]\nbaseurl=http://mäk/大\nproxy=_none_\n',
    )
  })
})
