import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parseYumConfig, type YumConfig } from '../../src/inject/yum-config.ts'

function parse(text: string): YumConfig {
  return parseYumConfig(Buffer.from(text))
}

/** `id: key=value|value` for each section of a text that has no problems. */
function read(text: string): Record<string, Record<string, string>> {
  const { sections, problems } = parse(text)
  assert.deepEqual(problems, [])
  return Object.fromEntries(
    sections.map(({ id, values }) => [
      id,
      Object.fromEntries([...values].map(([key, { text }]) => [key, text])),
    ]),
  )
}

/** `line expected` for each problem of a text. */
function refuse(text: string | Uint8Array): string[] {
  const { problems } = parseYumConfig(Buffer.from(text as string))
  return problems.map(({ line, expected }) => `${line} ${expected}`)
}

describe('what yum and dnf both read', () => {
  const cases: [string, string, Record<string, Record<string, string>>][] = [
    ['nothing', '', {}],
    ['comments alone', '# [a]\n\n;b=c\n', {}],
    ['a section without keys', '[epel]', { epel: {} }],
    ['a key', '[epel]\nname=EPEL 9 - x86_64\n', { epel: { name: 'EPEL 9 - x86_64' } }],
    ['spaces around', '[epel]\nname \t= \t EPEL \t \n', { epel: { name: 'EPEL' } }],
    ['an empty value', '[epel]\nproxy=\nname =  \n', { epel: { proxy: '', name: '' } }],
    ['signs within a value', '[a]\nb=c=d: #e ;f %20 "$g"\n', { a: { b: 'c=d: #e ;f %20 "$g"' } }],
    ['lines that continue', '[a]\nb=c,\n  d\n\te  f\ng=h', { a: { b: 'c,\nd\ne  f', g: 'h' } }],
    ['a value that begins on the next line', '[a]\nb=\n  c\n  d=e\n', { a: { b: 'c\nd=e' } }],
    ['a missing last newline', '[a]\nb=c\n d', { a: { b: 'c\nd' } }],
    ['lines of DOS', '[a]\r\nb=c\r\n d\r\n\r\ne=\r\n', { a: { b: 'c\nd', e: '' } }],
    ['a byte order mark', '\ufeff[a]\nb=c', { a: { b: 'c' } }],
    ['a comment after a header', '[a] # b\nc=d\n[e];f', { a: { c: 'd' }, e: {} }],
    ['names of any letters', '[päkete]\nname=größer – 大', { päkete: { name: 'größer – 大' } }],
    ['spaces within a header', '[ a b ]\n', { ' a b ': {} }],
  ]
  for (const [title, text, expected] of cases) test(title, () => assert.deepEqual(read(text), expected))
})

describe('where they differ', () => {
  test('a colon separates as well, the first of the two counting', () => {
    assert.deepEqual(read('[a]\nb: c\nbaseurl:http://h/?d=e\nf=g:h\n'), {
      a: { b: 'c', baseurl: 'http://h/?d=e', f: 'g:h' },
    })
  })

  test('keys may be written in capitals', () => {
    assert.deepEqual(read('[a]\nBaseURL=b\nbaseurl=c\n'), { a: { baseurl: 'c' } })
  })

  test('sections of one id are one, in which the last value counts', () => {
    assert.deepEqual(read('[a]\nb=1\nc=2\n[d]\n[a]\nb=3\ne=4\n'), { a: { c: '2', b: '3', e: '4' }, d: {} })
  })

  test('an indented header begins a section, but not what only looks like one', () => {
    assert.deepEqual(read('[a]\nb=c\n  [d]\ne=f\n'), { a: { b: 'c' }, d: { e: 'f' } })
    assert.deepEqual(read('[a]\nexclude=b\n  [cd]*\n'), { a: { exclude: 'b\n[cd]*' } })
  })

  test('comments and blank lines do not end a value', () => {
    assert.deepEqual(read('[a]\nb=c\n# d\n\n  e\n  # f\n  ;g\n  h # i\n'), { a: { b: 'c\ne\nh # i' } })
  })
})

describe('what it remembers', () => {
  test('the line of each header and key, the first and the last where there are several', () => {
    const { sections } = parse('# a\n[b]\n\nc=1\n  2\nd=3\n[e]\n[b]\nc=4\n')
    assert.deepEqual(
      sections.map(({ id, line, values }) => [
        id,
        line,
        Array.from(values, ([key, { line }]) => [key, line]),
      ]),
      [
        [
          'b',
          2,
          [
            ['d', 6],
            ['c', 9],
          ],
        ],
        ['e', 7, []],
      ],
    )
  })

  test('comments that were keys once', () => {
    const text =
      '#baseurl=http://before/\n[a]\n#baseurl=http://h/x=y\n## BaseURL : http://i/ \n# see http://j/\n#\n;k=\n'
    const [section] = parse(text).sections
    assert.deepEqual(section?.disabled, [
      { key: 'baseurl', text: 'http://h/x=y', line: 3 },
      { key: 'baseurl', text: 'http://i/', line: 4 },
      { key: 'k', text: '', line: 7 },
    ])
  })
})

describe('what it refuses, with the line', () => {
  const cases: [string, string | Uint8Array, string[]][] = [
    ['no header', 'a=b\n', ['1 a section header such as [epel] above it']],
    ['no separator', '[a]\nb=c\n\nd\n', ['4 key=value']],
    ['no key', '[a]\n=b\n', ['2 key=value']],
    ['a header that does not end', '[a\n', ['1 a section header such as [epel]']],
    ['a header without a name', '[]\n', ['1 a section header such as [epel]']],
    ['text after a header', '[a] b\n', ['1 a section header such as [epel]']],
    [
      'a line that continues nothing',
      '[a]\n  b=c\n',
      ['2 key=value without indentation: it continues no value'],
    ],
    [
      'control characters',
      '[a]\nb=c\u0000\nd=\u001b[31m\n',
      ['2 text without control characters', '3 text without control characters'],
    ],
    ['a lone carriage return', '[a]\rb=c\n', ['1 text without control characters']],
    ['Latin-1', Buffer.from('[a]\n\nname=Zubeh\xf6r\n', 'latin1'), ['3 UTF-8']],
    ['UTF-16', Buffer.from('\ufeff[a]\nb=c\n', 'utf16le'), ['1 UTF-8']],
    ['a cut-off character at the end', Buffer.from([0x5b, 0x61, 0x5d, 0x0a, 0xc3]), ['2 UTF-8']],
    ['a line that is too long', `[a]\nb=${'c'.repeat(70_000)}\n`, ['2 a line of at most 65536 characters']],
    [
      'a page',
      '<!DOCTYPE html>\n<html>\n',
      Array.from({ length: 2 }, (_, index) => `${index + 1} a section header such as [epel] above it`),
    ],
  ]
  for (const [title, text, expected] of cases) test(title, () => assert.deepEqual(refuse(text), expected))

  test('an archive, without reading all of it', () => {
    const problems = refuse(Buffer.from('PK\u0003\u0004\n'.repeat(100_000)))
    assert.equal(problems.length, 20)
    assert.equal(problems[0], '1 text without control characters')
  })

  test('more sections or keys than there can be', () => {
    const sections = Array.from({ length: 10_002 }, (_, index) => `[a${index}]\n`).join('')
    assert.deepEqual(refuse(sections), ['10001 at most 10000 sections'])
    assert.deepEqual(refuse(`[a]\n${'b=c\n'.repeat(200_002)}`), ['200002 at most 200000 keys in a file'])
    assert.deepEqual(refuse(`[a]\n${'#b=c\n'.repeat(200_002)}`), ['200002 at most 200000 keys in a file'])
  })

  test('nothing by throwing, whatever it is given', () => {
    const parts = [
      '[',
      ']',
      'a',
      '=',
      ':',
      '#',
      ';',
      ' ',
      '\t',
      '\n',
      '\r\n',
      '\u0000',
      'ä',
      '[b]\n',
      'c=d\n',
    ]
    const texts = fc
      .array(fc.constantFrom(...parts), { maxLength: 30 })
      .map((parts) => Buffer.from(parts.join('')))
    let right = 0
    fc.assert(
      fc.property(fc.oneof(texts, fc.uint8Array({ maxLength: 100 })), (bytes) => {
        const { sections, problems } = parseYumConfig(bytes)
        const lines = Buffer.from(bytes).toString('latin1').split('\n').length
        for (const { line, expected } of problems) assert.ok(line >= 1 && line <= lines && expected !== '')
        if (problems.length === 0 && sections.length > 0) right += 1
      }),
      { seed: 3, numRuns: 5000 },
    )
    assert.ok(right > 50, String(right))
  })
})
