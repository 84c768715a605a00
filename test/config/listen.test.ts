import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatListen, parseListen } from '../../src/config/listen.ts'

describe('listen addresses', () => {
  const read: [string, string, number][] = [
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['[::1]:8080', '::1', 8080],
    ['[fe80::1%eth0]:8080', 'fe80::1%eth0', 8080],
    ['[::]:65535', '::', 65_535],
    [':8080', '', 8080],
    ['8080', '127.0.0.1', 8080],
    ['localhost:0', 'localhost', 0],
    ['mirrors.example.org:8080', 'mirrors.example.org', 8080],
  ]
  for (const [text, host, port] of read) {
    test(`${text} is port ${port} of ${JSON.stringify(host)}, and reads back`, () => {
      const address = parseListen(text)
      assert.deepEqual(address, { host, port })
      assert.deepEqual(parseListen(formatListen({ host, port })), { host, port })
    })
  }

  const refused = [
    '',
    ':',
    'localhost',
    'localhost:',
    '127.0.0.1',
    '[::1]',
    '::1:8080',
    '[::1:8080',
    '[]:80',
    '[1.2.3.4]:80',
  ]
  const others = [
    'h:65536',
    'h:-1',
    'h:8080x',
    'h:8 0',
    'a b:80',
    'http://h:80',
    '256.0.0.1:80',
    '1.2.3:80',
    '*:80',
    'h:80\n',
    '-h:80',
  ]
  for (const text of [...refused, ...others]) {
    test(`${JSON.stringify(text)} is none`, () => assert.equal(parseListen(text), undefined))
  }
})
