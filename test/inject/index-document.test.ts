import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { parseIndexDocument, type IndexDocumentOptions } from '../../src/inject/index-document.ts'
import { formatIndex, INDEX_FORMATS } from '../../src/proxy/index-formats.ts'

const read = (text: string, options: Partial<IndexDocumentOptions> = {}) =>
  parseIndexDocument(Buffer.from(text), {
    form: 'auto',
    base: 'http://h/repos/yum/all_latest.json',
    wrapped: false,
    ...options,
  })

const mirrorsOf = (text: string, options: Partial<IndexDocumentOptions> = {}) =>
  Object.fromEntries(read(text, options).mirrors)

describe('a document of an index', () => {
  test('is read in each layout that servers write, by its form or by its looks', () => {
    const current = new Map([
      ['a-el7', { mirror: 'a-el7', climb: 0, name: '2026-11-22-02-13' }],
      ['7', { mirror: '7', climb: 0, name: '2026-11-22-02-14' }],
    ])
    const expected = {
      'a-el7': 'http://m/repos/yum/a-el7/2026-11-22-02-13',
      '7': 'http://m/repos/yum/7/2026-11-22-02-14',
    }
    for (const format of INDEX_FORMATS.filter((name) => name !== 'html'))
      for (const form of [format, 'auto'] as const) {
        const index = { generation: 1, createdAt: '', current }
        const text = formatIndex(index as never, format, 'http://m')
        assert.deepEqual(mirrorsOf(text, { form, wrapped: true }), expected, `${format} as ${form}`)
      }
  })

  test('may be a flat map, or have the key latest_ci_repos, beside which nothing counts', () => {
    const expected = { a: 'http://h/a' }
    for (const text of [
      '{"a": "http://h/a"}',
      'a: http://h/a\n',
      '{"latest_ci_repos": {"a": "http://h/a"}, "b": 7}',
      '\ufeffa: "http://h/a"',
    ])
      assert.deepEqual(mirrorsOf(text), expected, text)
    assert.deepEqual(mirrorsOf('{"latest_ci_repos": "http://h/x"}'), { latest_ci_repos: 'http://h/x' })
  })

  test('of no mirrors is one: {} where the map is, and nothing at all in the YAML of the first servers', () => {
    for (const text of [
      '{"latest_ci_repos": {}}',
      '---\nlatest_ci_repos:\n',
      'latest_ci_repos = {\n}\n',
      '{}',
    ])
      assert.deepEqual(mirrorsOf(text), {}, text)
  })

  test('holds directives, whose URLs are relative to its own as well', () => {
    const document = read(
      JSON.stringify({
        'before:a-el7': [
          ['x-el7', '/gated/x/'],
          ['y:z', 'http://o/y'],
        ].slice(0, 1),
        'include:': ['more.json', 'http://o/all.json', 'data:application/json,{}'],
        'include:before:': [['a', 'gated.json']],
      }),
    )
    assert.deepEqual([...document.before], [['a-el7', [{ id: 'x-el7', url: 'http://h/gated/x/' }]]])
    assert.deepEqual(document.include, [
      'http://h/repos/yum/more.json',
      'http://o/all.json',
      'data:application/json,{}',
    ])
    assert.deepEqual(document.includeBefore, [{ prefix: 'a', reference: 'http://h/repos/yum/gated.json' }])
  })

  test('keeps the last of names that come twice, and names that JavaScript has a use for', () => {
    assert.deepEqual(mirrorsOf('{"a": "http://h/1", "a": "http://h/2"}'), { a: 'http://h/2' })
    assert.deepEqual(mirrorsOf('a: http://h/1\na: http://h/2\n'), { a: 'http://h/2' })
    assert.deepEqual(
      [...read('{"__proto__": "http://h/p", "constructor": "http://h/c"}').mirrors.keys()],
      ['__proto__', 'constructor'],
    )
  })
})

describe('a document is refused, with the key and what was found,', () => {
  const refused: readonly (readonly [
    title: string,
    text: string,
    message: RegExp,
    options?: Partial<IndexDocumentOptions>,
  ])[] = [
    ['for a value that is empty', '{"a": ""}', /^a: expected a URL, found: ""$/],
    ['for a value that is null', '{"a": null}', /^a: expected a URL, found: null$/],
    ['for a value that is a number', 'a: 7', /^a: expected a URL, found: 7$/],
    ['for a value that is an object', '{"a": {"b": "c"}}', /^a: expected a URL, found: \{"b":"c"\}$/],
    ['for a value that is a list', '{"a": ["http://h/"]}', /^a: expected a URL/],
    [
      'for a value with a line break',
      '{"a": "http://h/\\nproxy=http://evil"}',
      /^a: expected an http, https, ftp or file URL, found: "http:\/\/h\/\\nproxy/,
    ],
    ['for a value with a space', '{"a": "http://h/ http://i/"}', /^a: expected an http/],
    [
      'for a value that is no URL',
      '{"a": "gopher://h/"}',
      /^a: expected an http, https, ftp or file URL, found: "gopher/,
    ],
    [
      'for a relative value where nothing is to be relative to',
      '{"a": "/x/"}',
      /^a: expected an http/,
      { base: undefined as never },
    ],
    [
      'for a value that is no URL, without its password',
      '{"a": "gopher://user:s3cret@h/"}',
      /found: "gopher:\/\/\*\*\*@h\/"$/,
    ],
    ['for a list', '["a"]', /^expected an object, found: \["a"\]$/],
    ['for no map', 'null', /^expected an object, found: null$/],
    ['for an empty file', '', /^expected an object, found: null$/],
    ['for text', 'Service unavailable', /^expected an object, found: "Service unavailable"$/],
    [
      'for a null map in JSON',
      '{"latest_ci_repos": null}',
      /^latest_ci_repos: expected an object, found: null$/,
      { form: 'json' },
    ],
    [
      'for a map that is a list',
      '{"latest_ci_repos": []}',
      /^latest_ci_repos: expected an object, found: \[\]$/,
    ],
    [
      'without the key, where it has to be',
      '{"a": "http://h/a"}',
      /^expected the key latest_ci_repos, found: \["a"\]$/,
      { wrapped: true },
    ],
    [
      'for an unknown directive',
      '{"after:a": []}',
      /^expected before:<section>, include: or include:before:, found: "after:a"$/,
    ],
    ['for a directive without a section', '{"before:": []}', /found: "before:"$/],
    [
      'for insertions that are none',
      '{"before:a": [["b"]]}',
      /^before:a: expected a list of pairs \[name, URL\], found: \["b"\]$/,
    ],
    [
      'for an insertion into [main]',
      '{"before:a": [["main", "http://h/"]]}',
      /^before:a: expected a repository id, found: "main"$/,
    ],
    [
      'for an id that ends its brackets',
      '{"before:a": [["b]\\nx=1", "http://h/"]]}',
      /^before:a: expected a repository id/,
    ],
    ['for an insertion without a URL', '{"before:a": [["b", ""]]}', /^before:a: expected a URL, found: ""$/],
    [
      'for an include that is no list',
      '{"include:": "http://h/"}',
      /^include:: expected a list, found: "http/,
    ],
    ['for an include that is no text', '{"include:": [7]}', /^include:: expected URLs or paths/],
    ['for a name that cannot be an id', '{"a\\nb": "http://h/"}', /expected a repository id/],
    ['for a name without characters', '{"": "http://h/"}', /expected a repository id/],
  ]
  for (const [title, text, message, { base, ...options } = {}] of refused)
    test(title, () => {
      const given = { ...options, ...(title.includes('relative') ? {} : { base: base ?? 'http://h/i.json' }) }
      const all = { form: 'auto', wrapped: false, ...given } as const
      assert.throws(() => parseIndexDocument(Buffer.from(text), all), { code: 'INDEX_INVALID', message })
    })

  const unreadable: readonly (readonly [
    title: string,
    text: string | Buffer,
    form: 'json' | 'yaml' | 'py' | 'auto',
    message: RegExp,
  ])[] = [
    [
      'for JSON that is cut short',
      '{"latest_ci_repos": {"a": "http',
      'json',
      /^expected JSON, found 31 bytes: /,
    ],
    ['for JSON that is empty', '', 'json', /^expected JSON, found 0 bytes/],
    ['for a byte order mark before JSON', '\ufeff{}', 'json', /^expected JSON/],
    [
      'for bytes that are not UTF-8',
      Buffer.from([0x7b, 0xff]),
      'json',
      /found 2 bytes: bytes that are not UTF-8$/,
    ],
    ['for YAML that is none', 'a: [', 'yaml', /^expected YAML/],
    [
      'for Python that is no literal',
      'latest_ci_repos = dict()',
      'py',
      /^expected latest_ci_repos = \{…\}, found 24 bytes: line 1/,
    ],
    ['for YAML without an end of levels', '['.repeat(100_000), 'auto', /more than 16 levels/],
    [
      'for YAML of aliases of aliases',
      `a: &a [x]\n${Array.from({ length: 30 }, (_, n) => `b${n}: &b${n} [${`*${n === 0 ? 'a' : `b${n - 1}`},`.repeat(9)}]`).join('\n')}`,
      'yaml',
      /^expected YAML/,
    ],
    ['for YAML of more words than anybody has', 'a: b\n'.repeat(100_000), 'yaml', /more than 200000 words/],
  ]
  for (const [title, text, form, message] of unreadable)
    test(title, () => {
      assert.throws(() => parseIndexDocument(Buffer.from(text), { form, wrapped: false }), {
        code: 'INDEX_UNREADABLE',
        message,
      })
    })

  test('for more entries or includes than anybody has', () => {
    const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, n) => [`m${n}`, 'http://h/']))
    assert.throws(() => read(JSON.stringify(many)), /at most 20000 entries/)
    assert.throws(
      () => read(JSON.stringify({ 'before:a': Object.keys(many).map((id) => [id, 'http://h/']) })),
      /at most 20000/,
    )
    assert.throws(
      () => read(JSON.stringify({ 'include:': Array(101).fill('a.json') })),
      /at most 100 documents/,
    )
  })
})
