import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { isPlainTarget, parseHeaderBlock, RequestReader } from '../../../src/http/fast/request-head.ts'

const LIBREPO = 'Host: mirror.example.org:8080\r\nUser-Agent: libdnf (Fedora Linux 43)\r\nAccept: */*\r\n'

function read(text: string): ReturnType<RequestReader['read']> {
  return new RequestReader().read(Buffer.from(text, 'latin1'))
}

describe('a simple request', () => {
  test('is a GET with nothing but harmless headers', () => {
    const found = read(
      `GET /a%2Bb?c HTTP/1.1\r\n${LIBREPO}Cache-Control: no-cache\r\nPragma: no-cache\r\n\r\n`,
    )
    const userAgent = 'libdnf (Fedora Linux 43)'
    const headers = {
      host: 'mirror.example.org:8080',
      userAgent,
      keepsAlive: true,
      forwardedFor: undefined,
      conditions: undefined,
    }
    assert.deepEqual(found, { method: 'GET', target: '/a%2Bb?c', headers, id: undefined })
  })

  test('is a HEAD too', () => {
    assert.equal(read(`HEAD /a HTTP/1.1\r\n${LIBREPO}\r\n`)?.method, 'HEAD')
  })

  test('may say which part of a file is wanted, if any', () => {
    const conditions = {
      'if-none-match': '"0a"',
      'if-modified-since': 'Tue, 13 Dec 2016 13:30:00 GMT',
      range: 'bytes=0-1, 3-, -5',
      'if-range': '"0a"',
    }
    const lines = Object.entries(conditions).map(([name, value]) => `${name.toUpperCase()}: ${value}\r\n`)
    assert.deepEqual(
      read(`GET /a HTTP/1.1\r\n${LIBREPO}${lines.join('')}\r\n`)?.headers.conditions,
      conditions,
    )
  })

  test('may end its connection', () => {
    assert.equal(read('GET /a HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n')?.headers.keepsAlive, false)
    assert.equal(
      read('GET /a HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n')?.headers.keepsAlive,
      true,
    )
  })

  test('is read again as it was the first time', () => {
    const requests = new RequestReader()
    const bytes = Buffer.from(`GET /a HTTP/1.1\r\n${LIBREPO}\r\n`)
    assert.deepEqual(requests.read(bytes), requests.read(bytes))
    assert.equal(requests.read(Buffer.concat([bytes, Buffer.from('x')])), undefined)
  })

  test('may bring an id along, and is otherwise read as the one without it', () => {
    const requests = new RequestReader()
    const ask = (first: string, last = '') =>
      requests.read(Buffer.from(`GET /a HTTP/1.1\r\n${first}${LIBREPO}${last}\r\n`))
    const plain = ask('')
    for (const found of [ask('', 'X-Request-ID: 4f2c-1\r\n'), ask('x-request-id: 4f2c-1\r\n')])
      assert.deepEqual(found, { ...plain, id: '4f2c-1' })
    assert.equal(ask('', 'X-Request-Id: 4f2c-2\r\n')?.headers, plain?.headers)
    assert.equal(ask('Accept-Language: x-request-id: a\r\n', 'x-request-id: a\r\n')?.id, 'a')
  })

  const refused: readonly (readonly [title: string, text: string])[] = [
    ['another method', `POST /a HTTP/1.1\r\n${LIBREPO}\r\n`],
    ['a method that begins like one', `GETS /a HTTP/1.1\r\n${LIBREPO}\r\n`],
    ['a method in other letters', `get /a HTTP/1.1\r\n${LIBREPO}\r\n`],
    ['another version', `GET /a HTTP/1.0\r\n${LIBREPO}\r\n`],
    ['a line before it', `\r\nGET /a HTTP/1.1\r\n${LIBREPO}\r\n`],
    ['a head that is not whole', `GET /a HTTP/1.1\r\n${LIBREPO}`],
    ['two requests', `GET /a HTTP/1.1\r\n${LIBREPO}\r\nGET /a HTTP/1.1\r\n${LIBREPO}\r\n`],
    ['bytes behind it', `GET /a HTTP/1.1\r\n${LIBREPO}\r\nx`],
    ['bare line feeds', `GET /a HTTP/1.1\n${LIBREPO.replaceAll('\r', '')}\n`],
    ['a bare line feed', `GET /a HTTP/1.1\r\nHost: h\nContent-Length: 5\r\n\r\n`],
    ['a bare carriage return', `GET /a HTTP/1.1\r\nHost: h\rContent-Length: 5\r\n\r\n`],
    ['a body', `GET /a HTTP/1.1\r\n${LIBREPO}Content-Length: 5\r\n\r\n`],
    ['no body, said', `GET /a HTTP/1.1\r\n${LIBREPO}Content-Length: 0\r\n\r\n`],
    ['chunks', `GET /a HTTP/1.1\r\n${LIBREPO}Transfer-Encoding: chunked\r\n\r\n`],
    ['a space before the colon', `GET /a HTTP/1.1\r\nHost : h\r\n\r\n`],
    ['a folded line', `GET /a HTTP/1.1\r\n${LIBREPO} Content-Length: 5\r\n\r\n`],
    ['no Host', `GET /a HTTP/1.1\r\nAccept: */*\r\n\r\n`],
    ['an empty Host', `GET /a HTTP/1.1\r\nHost: \r\n\r\n`],
    ['two Hosts', `GET /a HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n`],
    ['no headers', `GET /a HTTP/1.1\r\n\r\n`],
    ['two ids', `GET /a HTTP/1.1\r\n${LIBREPO}X-Request-Id: a\r\nX-Request-Id: b\r\n\r\n`],
    ['an id of other letters', `GET /a HTTP/1.1\r\n${LIBREPO}X-Request-Id: a"b\r\n\r\n`],
    ['a long id', `GET /a HTTP/1.1\r\n${LIBREPO}X-Request-Id: ${'a'.repeat(129)}\r\n\r\n`],
    ['a range of another unit', `GET /a HTTP/1.1\r\n${LIBREPO}Range: lines=0-1\r\n\r\n`],
    ['two ranges', `GET /a HTTP/1.1\r\n${LIBREPO}Range: bytes=0-1\r\nRange: bytes=0-1\r\n\r\n`],
    ['a weak ETag', `GET /a HTTP/1.1\r\n${LIBREPO}If-None-Match: W/"a"\r\n\r\n`],
    ['several ETags', `GET /a HTTP/1.1\r\n${LIBREPO}If-None-Match: "a", "b"\r\n\r\n`],
    ['any ETag', `GET /a HTTP/1.1\r\n${LIBREPO}If-None-Match: *\r\n\r\n`],
    ['a precondition', `GET /a HTTP/1.1\r\n${LIBREPO}If-Match: "a"\r\n\r\n`],
    ['no date', `GET /a HTTP/1.1\r\n${LIBREPO}If-Modified-Since: 5\r\n\r\n`],
    ['a range by date', `GET /a HTTP/1.1\r\n${LIBREPO}If-Range: Tue, 13 Dec 2016 13:30:00 GMT\r\n\r\n`],
    ['an expectation', `GET /a HTTP/1.1\r\n${LIBREPO}Expect: 100-continue\r\n\r\n`],
    ['an upgrade', `GET /a HTTP/1.1\r\n${LIBREPO}Connection: upgrade\r\nUpgrade: h2c\r\n\r\n`],
    ['a list of connection options', `GET /a HTTP/1.1\r\n${LIBREPO}Connection: keep-alive, te\r\n\r\n`],
    ['an unknown header', `GET /a HTTP/1.1\r\n${LIBREPO}X-Unknown: 1\r\n\r\n`],
    ['a control in a value', `GET /a HTTP/1.1\r\nHost: h\u0000\r\n\r\n`],
    ['a tab in a value', `GET /a HTTP/1.1\r\nHost: h\tx\r\n\r\n`],
    ['a byte beyond ASCII in a value', `GET /a HTTP/1.1\r\nHost: h\u00e9\r\n\r\n`],
    ['white space behind a value', `GET /a HTTP/1.1\r\nHost: h \r\n\r\n`],
    ['more than any client sends', `GET /${'a'.repeat(8_192)} HTTP/1.1\r\n${LIBREPO}\r\n`],
  ]
  for (const [title, text] of refused)
    test(`is none with ${title}`, () => {
      assert.equal(read(text), undefined)
    })

  test('has a target that is not judged here', () => {
    // Such a target is none that anything was ever found by.
    const target = '/a HTTP/1.0\r\nX: y'
    assert.equal(read(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`)?.target, target)
    assert.equal(isPlainTarget(target), false)
  })

  test('has a plain target where it is visible ASCII and begins with a slash', () => {
    for (const target of ['/', '/a', '/a%2Bb?c#d']) assert.ok(isPlainTarget(target))
    for (const target of ['', '*', 'http://h/a', '/a b', '/a\tb', '/a\r\nb', '/\u00e9', '/a\n'])
      assert.ok(!isPlainTarget(target), target)
  })

  test('has a block of headers that ends once, at its end', () => {
    assert.equal(parseHeaderBlock('Host: h\r\n\r\nAccept: */*\r\n\r\n'), undefined)
    assert.equal(parseHeaderBlock('\r\n\r\n'), undefined)
    assert.equal(parseHeaderBlock(''), undefined)
  })
})
