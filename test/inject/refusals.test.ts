import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { injectConfig, type ConfigFormat } from '../../src/inject/inject.ts'
import { inject, mapOf, refusal } from '../support/injection.ts'

const MAP = mapOf({ a: 'http://m/a' }, { a: [['b', 'http://m/b']] })

function refuse(text: string | Uint8Array, format: ConfigFormat = 'yum'): string {
  return refusal(() => injectConfig(Buffer.from(text as string), format, MAP))
}

describe('what neither yum nor dnf reads', () => {
  const header = 'expected a section header such as [epel]'
  const cases: [string, string | Uint8Array, string][] = [
    ['a key without a value', '[a]\nb=c\n\nd\n', 'line 4: expected key=value, found "d"'],
    ['a value without a key', '[a]\n=c\n', 'line 2: expected key=value, found "=c"'],
    ['no header', '# x\nb=c\n', `line 2: ${header} above it, found "b=c"`],
    ['a header that does not end', '[a\n', `line 1: ${header}, found "[a"`],
    ['a header without an id', '[]\n', `line 1: ${header}, found "[]"`],
    [
      'an indented key',
      '[a]\n  b=c\n',
      'line 2: expected key=value without indentation: it continues no value, found "  b=c"',
    ],
    [
      'control characters',
      '[a]\nb=\u001b[31m\u0000\n',
      'line 2: expected text without control characters, found "b=\\u001b[31m\\u0000"',
    ],
    [
      'line breaks of an old Macintosh',
      '[a]\rb=c\r',
      `line 1: expected text without control characters, found "[a]\\rb=c"`,
    ],
    ['UTF-16', Buffer.from('\ufeff[a]\nb=c\n', 'utf16le'), 'line 1: expected UTF-8, found "UTF-16"'],
    ['a page', '<!DOCTYPE html>\n<p>\n', `line 1: ${header} above it, found "<!DOCTYPE html>"`],
  ]
  for (const [title, text, message] of cases) test(title, () => assert.equal(refuse(text), message))

  test('is shown without secrets and without end', () => {
    assert.equal(
      refuse('[a]\nproxy_password hunter2\n'),
      'line 2: expected key=value, found "proxy_password***"',
    )
    assert.equal(refuse('[a]\n//user@h/x\n'), 'line 2: expected key=value, found "//***@h/x"')
    assert.ok(refuse(`[a]\n${'b'.repeat(10_000)}\n`).length < 200)
  })
})

describe('what one of them reads is taken', () => {
  test('a key that is there twice, a colon, text behind a header', () => {
    for (const text of ['[c]\nb=1\nb=2\n', '[c]\nb: 1\n', '[c] d\nb=1\n', '[c]]\nb=1\n'])
      assert.equal(inject(text, MAP).changed, false)
    assert.deepEqual(inject('[a] b\n', MAP).warnings, [
      { line: 1, text: 'yum 3 refuses what stands behind [a]' },
    ])
  })

  test('an indented header, which is one to dnf', () => {
    const { text, warnings } = inject('[c]\nb=1\n  [a]\n', MAP, { proxy: 'keep' })
    assert.equal(text, '[c]\nb=1\n[b]\nbaseurl=http://m/b\n\n  [a]\nbaseurl=http://m/a\n')
    assert.match(warnings[0]?.text ?? '', /yum 3 takes the indented \[a\] for the value/)
  })

  test('nothing at all', () => {
    for (const text of ['', '\n\n', '# a', '\ufeff', ' \t']) assert.equal(inject(text, MAP).changed, false)
  })
})

describe('what is too much', () => {
  const cases: [string, string, RegExp][] = [
    ['a line', `[a]\nb=${'c'.repeat(70_000)}\n`, /^line 2: expected a line of at most 65536 characters/],
    ['sections', '[a]\n'.repeat(100_000), /^line 10001: expected at most 10000 sections/],
    [
      'lines of values',
      `[a]\nb=c\n${' d\n'.repeat(500_001)}`,
      /^line 500003: expected at most 500000 lines of values/,
    ],
    [
      'indented comments behind others',
      `[a]\nb=c\n${'#\n # d\n'.repeat(500_001)}`,
      /^line 1000004: expected at most 500000 lines of values/,
    ],
    ['keys', `[a]\n${'b=c\n'.repeat(250_000)}`, /^line 200002: expected at most 200000 keys/],
    [
      'bytes',
      ' '.repeat(17 * 1024 * 1024),
      /^line 1: expected at most 16777216 bytes, found "17825792 bytes"/,
    ],
  ]
  for (const [title, text, message] of cases) test(title, () => assert.match(refuse(text), message))

  test('literals, in one assignment or in many', () => {
    const message = /^line \d+: expected at most 200000 literals/
    assert.match(refuse(`config_opts['dnf.conf'] = ${"'' ".repeat(200_001)}\n`, 'mock'), message)
    const assignment = `config_opts['dnf.conf'] = ${"'' ".repeat(150_000)}\n`
    assert.match(refuse(assignment.repeat(2), 'mock'), message)
    assert.equal(injectConfig(Buffer.from(assignment), 'mock', MAP).changed, false)
  })

  test('comments, blank lines and continuations are not, and take no longer than to read them', () => {
    const start = performance.now()
    for (const line of ['# b\n', '\n', ' c\n', ' # d\n', '#\n e\n'])
      assert.equal(
        inject(`[z]\nx=y\n${line.repeat(200_000)}[a]\nmirrorlist=b\n${line.repeat(200_000)}`, MAP).changed,
        true,
      )
    assert.ok(performance.now() - start < 20_000)
  })
})

describe('what an index must not bring', () => {
  const bad: [string, string][] = [
    ['a line break', 'http://m/\nenabled=0'],
    ['a space', 'http://m/a b'],
    ['a comma, at which yum begins another URL', 'http://m/a,b'],
    ['no scheme', '//m/a'],
    ['nothing', ''],
    ['a control character', 'http://m/\u007f'],
  ]
  for (const [title, url] of bad)
    test(title, () => {
      const message = refusal(() => injectConfig(Buffer.from('[a]\n'), 'yum', mapOf({ a: url })))
      assert.match(
        message,
        /^mirror "a" of the index: expected an absolute URL without spaces and commas, found "/,
      )
      assert.equal(inject('[b]\n', mapOf({ a: url })).changed, false)
    })

  test('an id that would not be read back', () => {
    for (const id of ['a]b', 'a\nb', '']) {
      const map = mapOf({}, { a: [[id, 'http://m']] })
      assert.match(
        refusal(() => injectConfig(Buffer.from('[a]\n'), 'yum', map)),
        /expected a section id without brackets/,
      )
    }
  })
})
