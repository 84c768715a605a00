import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { findHeadEnd, readReplyHead, type ReplyHead } from '../../../src/upstream/plain/reply-head.ts'

/** What becomes of an answer that begins with these lines. */
function read(lines: readonly string[]): ReplyHead | undefined {
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\nthe body`, 'latin1')
  const end = findHeadEnd(bytes, bytes.length)
  assert.equal(end, bytes.length - 'the body'.length)
  return readReplyHead(bytes, end)
}

const find = (text: string, count = text.length) => findHeadEnd(Buffer.from(text, 'latin1'), count)

/** With these lines and a length of 5 after the status line. */
const readWith = (...lines: string[]) => read(['HTTP/1.1 200 OK', ...lines, 'Content-Length: 5'])

const SIMPLE: Readonly<Record<string, readonly [lines: readonly string[], expected: Partial<ReplyHead>]>> = {
  'an answer with a length': [
    ['HTTP/1.1 200 OK', 'Content-Length: 5'],
    { statusCode: 200, headers: { 'content-length': '5' }, length: 5, idleMs: 4_000 },
  ],
  'one of nothing': [['HTTP/1.1 404 Not Found', 'content-length: 0'], { statusCode: 404, length: 0 }],
  'a reason that is empty': [['HTTP/1.1 500 ', 'Content-Length: 1'], { statusCode: 500, length: 1 }],
  'zeros before a length': [['HTTP/1.1 206 X', 'Content-Length: 007'], { statusCode: 206, length: 7 }],
  'a length of 15 digits': [['HTTP/1.1 200 X', `Content-Length: ${'9'.repeat(15)}`], { length: 1e15 - 1 }],
  'a 304 without a length': [['HTTP/1.1 304 Not Modified', 'ETag: "a"'], { statusCode: 304, length: 0 }],
  'names in capitals': [
    ['HTTP/1.1 200 X', 'CONTENT-LENGTH:5', 'ETAG: "A"'],
    { headers: { 'content-length': '5', etag: '"A"' }, length: 5 },
  ],
  'a value that is empty, and one with tabs and colons': [
    ['HTTP/1.1 200 X', 'A:', 'B: c:\td', 'Content-Length: 5'],
    { headers: { a: '', b: 'c:\td', 'content-length': '5' } },
  ],
  'spaces before a value': [
    ['HTTP/1.1 200 X', 'A: \t b', 'Content-Length:   5'],
    { headers: { a: 'b', 'content-length': '5' }, length: 5 },
  ],
  'a header that comes three times': [
    ['HTTP/1.1 200 X', 'A: 1', 'Content-Length: 5', 'a: 2', 'A: 1'],
    { headers: { a: ['1', '2', '1'], 'content-length': '5' } },
  ],
  'names that every object has': [
    ['HTTP/1.1 200 X', 'constructor: x', 'toString: y', 'hasOwnProperty: z', 'Content-Length: 5'],
    { headers: { constructor: 'x', tostring: 'y', hasownproperty: 'z', 'content-length': '5' } },
  ],
  'every character that a name may have': [
    ['HTTP/1.1 200 X', "!#$%&'*+.^_`|~09-Z: 1", 'Content-Length: 5'],
    { headers: { "!#$%&'*+.^_`|~09-z": '1', 'content-length': '5' } },
  ],
}

const NOT_SIMPLE: Readonly<Record<string, readonly string[]>> = {
  'a CR alone in a value': ['HTTP/1.1 200 OK', 'A: b\rc', 'Content-Length: 5'],
  'an LF alone in a value': ['HTTP/1.1 200 OK', 'A: b\nContent-Length: 6', 'Content-Length: 5'],
  'a CR alone at a value’s end': ['HTTP/1.1 200 OK', 'A: b\r', 'Content-Length: 5'],
  'an LF alone in the status line': ['HTTP/1.1 200 OK\nA: b', 'Content-Length: 5'],
  'a CR alone in the status line': ['HTTP/1.1 200 OK\r', 'Content-Length: 5'],
  'a folded value': ['HTTP/1.1 200 OK', 'A: b', ' c: d', 'Content-Length: 5'],
  'a value folded by a tab': ['HTTP/1.1 200 OK', 'A: b', '\tc', 'Content-Length: 5'],
  'bytes beyond ASCII in a value': ['HTTP/1.1 200 OK', 'A: \xe4', 'Content-Length: 5'],
  'bytes beyond ASCII in a reason': ['HTTP/1.1 200 \xe4', 'Content-Length: 5'],
  'a space at a value’s end': ['HTTP/1.1 200 OK', 'A: b ', 'Content-Length: 5'],
  'a tab at a length’s end': ['HTTP/1.1 200 OK', 'Content-Length: 5\t'],
  'a NUL': ['HTTP/1.1 200 OK', 'A: \0', 'Content-Length: 5'],
  'a DEL': ['HTTP/1.1 200 OK', 'A: \x7f', 'Content-Length: 5'],
  'a line without a colon': ['HTTP/1.1 200 OK', 'A', 'Content-Length: 5'],
  'a line without a name': ['HTTP/1.1 200 OK', ': a', 'Content-Length: 5'],
  'a space before a colon': ['HTTP/1.1 200 OK', 'Content-Length : 5'],
  'a character that no name may have': ['HTTP/1.1 200 OK', 'A(: b', 'Content-Length: 5'],
  'no length': ['HTTP/1.1 200 OK', 'A: b'],
  'two lengths that differ': ['HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 6'],
  'two lengths that are alike': ['HTTP/1.1 200 OK', 'Content-Length: 5', 'content-length: 5'],
  'two lengths in a line': ['HTTP/1.1 200 OK', 'Content-Length: 5, 5'],
  'a length of +5': ['HTTP/1.1 200 OK', 'Content-Length: +5'],
  'a length of -5': ['HTTP/1.1 200 OK', 'Content-Length: -5'],
  'a length of 0x5': ['HTTP/1.1 200 OK', 'Content-Length: 0x5'],
  'a length of 5e0': ['HTTP/1.1 200 OK', 'Content-Length: 5e0'],
  'a length of 5.0': ['HTTP/1.1 200 OK', 'Content-Length: 5.0'],
  'a length of nothing': ['HTTP/1.1 200 OK', 'Content-Length:'],
  'a length of 16 digits': ['HTTP/1.1 200 OK', 'Content-Length: 0000000000000005'],
  chunks: ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'],
  'chunks and a length': ['HTTP/1.1 200 OK', 'Content-Length: 5', 'TRANSFER-ENCODING: chunked'],
  'a coding that is none': ['HTTP/1.1 200 OK', 'Transfer-Encoding: identity', 'Content-Length: 5'],
  'an upgrade': ['HTTP/1.1 200 OK', 'Upgrade: h2c', 'Content-Length: 5'],
  'a connection of proxies': ['HTTP/1.1 200 OK', 'Proxy-Connection: close', 'Content-Length: 5'],
  'a name that no object may have': ['HTTP/1.1 200 OK', '__proto__: x', 'Content-Length: 5'],
  '100 Continue': ['HTTP/1.1 100 Continue', 'Content-Length: 5'],
  '101 Switching Protocols': ['HTTP/1.1 101 Switching Protocols', 'Content-Length: 5'],
  '103 Early Hints': ['HTTP/1.1 103 Early Hints', 'Link: </x>'],
  '204 without a length': ['HTTP/1.1 204 No Content'],
  '204 with a length': ['HTTP/1.1 204 No Content', 'Content-Length: 5'],
  '304 with a length': ['HTTP/1.1 304 Not Modified', 'Content-Length: 5'],
  'a status of 600': ['HTTP/1.1 600 X', 'Content-Length: 5'],
  'a status of 099': ['HTTP/1.1 099 X', 'Content-Length: 5'],
  'a status of four digits': ['HTTP/1.1 2000 X', 'Content-Length: 5'],
  'a status without a space after it': ['HTTP/1.1 200', 'Content-Length: 5'],
  'two spaces before the status': ['HTTP/1.1  200 OK', 'Content-Length: 5'],
  'HTTP/1.0': ['HTTP/1.0 200 OK', 'Content-Length: 5'],
  'HTTP/1.2': ['HTTP/1.2 200 OK', 'Content-Length: 5'],
  'HTTP/2': ['HTTP/2 200 OK', 'Content-Length: 5'],
  'http in small letters': ['http/1.1 200 OK', 'Content-Length: 5'],
  'another protocol': ['ICY 200 OK', 'Content-Length: 5'],
  'an empty line before the head': ['', 'HTTP/1.1 200 OK'],
}

describe('a head of the simple form', () => {
  for (const [what, [lines, expected]] of Object.entries(SIMPLE))
    test(`is that of ${what}`, () => {
      const head = read(lines)
      assert.ok(head)
      for (const [name, value] of Object.entries(expected))
        assert.deepEqual({ ...head, headers: { ...head.headers } }[name as keyof ReplyHead], value, name)
    })

  for (const [what, lines] of Object.entries(NOT_SIMPLE))
    test(`is not that of ${what}`, () => assert.equal(read(lines), undefined))

  test('does not change what all objects have', () => {
    assert.equal(readWith('__proto__: x'), undefined)
    assert.equal(Object.getPrototypeOf(readWith('constructor: x')?.headers), Object.prototype)
    assert.equal(({} as Record<string, unknown>)['x'], undefined)
  })
})

describe('how long a connection may wait is', () => {
  const cases: readonly (readonly [lines: readonly string[], idleMs: number | undefined])[] = [
    [['Connection: keep-alive'], 4_000],
    [['CONNECTION: Keep-Alive'], 4_000],
    [['Connection: close'], 0],
    [['Connection: CLOSE', 'Keep-Alive: timeout=60'], 0],
    [['Connection: close, keep-alive'], undefined],
    [['Connection: keep-alive, x'], undefined],
    [['Connection: upgrade'], undefined],
    [['Connection:'], undefined],
    [['Connection: keep-alive', 'Connection: keep-alive'], undefined],
    [['Keep-Alive: timeout=0'], 0],
    [['Keep-Alive: timeout=1'], 0],
    [['Keep-Alive: timeout=2'], 0],
    [['Keep-Alive: timeout=3'], 1_000],
    [['Keep-Alive: timeout=5, max=100'], 3_000],
    [['Keep-Alive: max=100, timeout=65'], 63_000],
    [['Keep-Alive: max=100'], 4_000],
    [['Keep-Alive: timeout=x'], 4_000],
    [['Keep-Alive: timeout=602'], 600_000],
    [['Keep-Alive: timeout=99999999'], 600_000],
    [[`Keep-Alive: timeout=${'9'.repeat(400)}`], 600_000],
    [['Keep-Alive: max=5', 'Keep-Alive: timeout=9'], 7_000],
  ]
  for (const [lines, idleMs] of cases)
    test(`${idleMs} with: ${lines.join('; ').slice(0, 60)}`, () =>
      assert.equal(readWith(...lines)?.idleMs, idleMs))
})

describe('a head’s end', () => {
  test('is behind the first empty line', () => {
    assert.equal(find('a\r\n\r\nb\r\n\r\n'), 5)
    assert.equal(find('\r\n\r\n'), 4)
  })

  test('is none of one that has not come whole, or ends lines otherwise', () => {
    for (const text of ['', 'HTTP/1.1 200 OK\r\n', 'a\r\n\r', 'a\n\n', 'a\r\n\nb', 'a\r\r\n\nb'])
      assert.equal(find(text), -1, JSON.stringify(text))
  })

  test('is not looked for behind what has come: what lies there is another answer’s', () => {
    assert.equal(find('a\r\n\r\n', 4), -1)
    assert.equal(find('a\r\n\r\n', 5), 5)
  })

  test('is none of one that is longer than 8 KiB', () => {
    for (const [end, found] of [
      [8_192, 8_192],
      [8_193, -1],
    ] as const)
      assert.equal(find(`${'x'.repeat(end - 4)}\r\n\r\n`), found)
  })
})
