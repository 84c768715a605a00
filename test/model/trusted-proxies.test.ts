import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { describe, test } from 'node:test'

import { assert as assertProperty, constantFrom, array, oneof, property, string } from 'fast-check'

import { isAddressRange, TrustedProxies } from '../../src/model/trusted-proxies.ts'

const PROXIES = new TrustedProxies(['127.0.0.1', '10.0.0.0/8', '2001:db8:1::/48', '192.0.2.128/25'])

function forwardedFor(value: string, peer = '10.1.1.1'): string | undefined {
  return PROXIES.clientOf(peer, { forwardedFor: value, forwarded: undefined })
}

function forwarded(value: string): string | undefined {
  return PROXIES.clientOf('::ffff:127.0.0.1', { forwardedFor: undefined, forwarded: value })
}

function areTrusted(...addresses: readonly string[]): boolean[] {
  return addresses.map((address) => PROXIES.has(address))
}

describe('proxies that are trusted', () => {
  test('are addresses and networks of either family', () => {
    for (const text of [
      '1.2.3.4',
      '0.0.0.0/0',
      '10.0.0.1/8',
      '::1',
      '::/0',
      '2001:db8::/32',
      '::ffff:1.2.3.4',
    ])
      assert.ok(isAddressRange(text), text)
    for (const text of [
      '',
      'host',
      '1.2.3',
      '1.2.3.256',
      '1.2.3.4/33',
      '1.2.3.4/',
      '::1/129',
      '1.2.3.4/8/8',
      'fe80::1%eth0',
    ])
      assert.ok(!isAddressRange(text), text)
    assert.deepEqual(areTrusted('127.0.0.1', '::ffff:127.0.0.1', '127.0.0.2'), [true, true, false])
    assert.deepEqual(areTrusted('10.255.255.255', '11.0.0.0', '9.255.255.255'), [true, false, false])
    assert.deepEqual(areTrusted('2001:db8:1:ffff::1', '2001:db8:2::1', '::a00:1'), [true, false, false])
    assert.deepEqual(areTrusted('192.0.2.127', '192.0.2.128', 'socket', ''), [false, true, false, false])
    assert.ok(!new TrustedProxies([]).has('127.0.0.1'))
  })

  test('tell who asks: the last address that is not theirs', () => {
    assert.equal(forwardedFor('198.51.100.7'), '198.51.100.7')
    assert.equal(forwardedFor('6.6.6.6, 198.51.100.7 ,10.2.3.4'), '198.51.100.7')
    assert.equal(forwardedFor('10.9.9.9, 10.2.3.4'), '10.9.9.9')
    assert.equal(forwardedFor('198.51.100.7:4711'), '198.51.100.7')
    assert.equal(forwardedFor('[2001:DB8:2::1]:80, [2001:db8:1::9]'), '2001:db8:2::1')
    assert.equal(forwardedFor('2001:db8:2::1'), '2001:db8:2::1')
    assert.equal(forwardedFor('::ffff:198.51.100.7'), '198.51.100.7')
    assert.equal(forwarded('for=198.51.100.7;proto=https, by=x; FOR="10.1.1.1:80"'), '198.51.100.7')
    assert.equal(forwarded('For="[2001:db8:2::1]:4711"'), '2001:db8:2::1')
  })

  test('are not believed by anybody else, nor with what is no address', () => {
    assert.equal(forwardedFor('198.51.100.7', '203.0.113.1'), '203.0.113.1')
    assert.equal(PROXIES.clientOf(undefined, { forwardedFor: '1.1.1.1', forwarded: undefined }), undefined)
    assert.equal(
      PROXIES.clientOf('127.0.0.1', { forwardedFor: undefined, forwarded: undefined }),
      '127.0.0.1',
    )
    for (const value of [
      '',
      ',',
      'unknown',
      '198.51.100.7,',
      'a\u202e',
      '1.2.3.4.5',
      '999.1.1.1',
      '[::1',
      '::1%x',
    ])
      assert.equal(forwardedFor(value), '10.1.1.1', value)
    // What stands before it may be anybody's.
    assert.equal(forwardedFor('198.51.100.7, unknown, 10.2.3.4'), '10.2.3.4')
    for (const value of [
      '',
      'for=unknown',
      'for=_x',
      'by=198.51.100.7',
      'for="198.51.100.7',
      'xfor=198.51.100.7',
    ])
      assert.equal(forwarded(value), '::ffff:127.0.0.1', value)
    const both = { forwardedFor: '198.51.100.7', forwarded: 'for=198.51.100.8' }
    assert.equal(PROXIES.clientOf('127.0.0.1', both), '198.51.100.7')
  })

  test('are heard within bounds', () => {
    const many = '10.0.0.1,'.repeat(10_000)
    assert.equal(forwardedFor(`${many}198.51.100.7`), '198.51.100.7')
    assert.equal(forwardedFor(`198.51.100.7,${many}10.0.0.2`), '10.0.0.1')
    assert.equal(forwardedFor('1'.repeat(1_000_000)), '10.1.1.1')
    const piece = oneof(
      string({ unit: 'binary', maxLength: 8 }),
      constantFrom('10.0.0.1', 'for=', '"', ',', '[::1]', '1.2.3.4'),
    )
    assertProperty(
      property(array(piece, { maxLength: 60 }), (pieces) => {
        for (const told of [forwardedFor(pieces.join('')), forwarded(pieces.join(''))])
          assert.notEqual(isIP(told ?? ''), 0, told)
      }),
    )
  })
})
