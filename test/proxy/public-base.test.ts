import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { publicBase, publicPath } from '../../src/proxy/public-base.ts'

describe('what index URLs begin with', () => {
  test('is the configured URL, whatever Host says', () => {
    assert.equal(
      publicBase('https://mirrors.example.org/pinyon', '"evil'),
      'https://mirrors.example.org/pinyon',
    )
  })

  for (const host of ['example.org', 'Example.ORG:8080', '127.0.0.1:1', '[::1]:8080', 'a_b', 'a.', 'h:65535'])
    test(`is made from the Host ${host}`, () => assert.equal(publicBase(undefined, host), `http://${host}`))

  const refused = [
    undefined,
    '',
    'a b',
    'a/b',
    'a"b',
    "a'b",
    'a<b',
    'a@b',
    'a:b',
    'a:65536',
    'a:999999',
    'a\nb',
    '-a',
    '[::1',
    '[g]',
    'a?b',
    'a#b',
    'é',
    'a'.repeat(300),
  ]
  for (const host of refused)
    test(`is not made from the Host ${JSON.stringify(host)?.slice(0, 20)}`, () =>
      assert.throws(() => publicBase(undefined, host), { code: 'HOST_REFUSED' }))

  test('has a path only where one is configured', () => {
    assert.equal(publicPath(undefined), '')
    assert.equal(publicPath('http://mirrors.example.org'), '')
    assert.equal(publicPath('http://mirrors.example.org/a/b'), '/a/b')
  })
})
