import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import { parseIpv6, toHolder, toNetwork, toPlainAddress } from '../../src/model/network.ts'

const write = (numbers: readonly number[]) => numbers.map((number) => number.toString(16)).join(':')

describe('the network of an address', () => {
  const networks: [string, string][] = [
    ['192.0.2.17', '192.0.2.0/24'],
    ['127.0.0.1', '127.0.0.0/24'],
    ['::ffff:192.0.2.17', '192.0.2.0/24'],
    ['::FFFF:192.0.2.17', '192.0.2.0/24'],
    ['2001:db8:0:1:aaaa:bbbb:cccc:dddd', '2001:db8:0:1::/64'],
    ['2001:DB8::1', '2001:db8::/64'],
    ['2001:db8:1:0:2::', '2001:db8:1::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['64:ff9b::192.0.2.17', '64:ff9b::/64'],
    ['::1', '::/64'],
    ['::', '::/64'],
  ]
  for (const [address, network] of networks)
    test(`${address} is in ${network}`, () => assert.equal(toNetwork(address), network))

  test('what is no address stays as it is', () => {
    for (const text of [
      'socket',
      '',
      '1.2.3',
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7:8:9',
      '1:2',
      'g::1',
      '::12345',
      '1.2.3.4::',
      '::1.2.3.256',
      '::1%',
    ])
      assert.equal(toNetwork(text), text)
  })

  test('tells nothing of the machine, and is the same for all machines of it', () => {
    const groups = fc.array(fc.nat(0xff_ff), { minLength: 8, maxLength: 8 })
    const property = fc.property(
      groups,
      fc.array(fc.nat(0xff_ff), { minLength: 4, maxLength: 4 }),
      (all, others) => {
        const network = toNetwork(write(all))
        assert.equal(network, toNetwork(write([...all.slice(0, 4), ...others])))
        const prefix = network.replace(/\/64$/, '')
        assert.ok(isIPv6(prefix), prefix)
        assert.equal(toNetwork(prefix), network)
        assert.equal(
          new URL(`http://[${prefix}]`).hostname,
          new URL(`http://[${write([...all.slice(0, 4), 0, 0, 0, 0])}]`).hostname,
        )
      },
    )
    fc.assert(property, { seed: 1 })
  })

  test('an IPv4 address in the form of IPv6 is shown as IPv4', () => {
    assert.equal(toPlainAddress('::ffff:10.1.2.3'), '10.1.2.3')
    for (const same of ['10.1.2.3', '::1', '::ffff:0:0', 'socket']) assert.equal(toPlainAddress(same), same)
  })
})

describe('the groups of an IPv6 address', () => {
  test('are those that it is written with, however it is written', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xff_ff)), { minLength: 8, maxLength: 8 })
    const property = fc.property(groups, (all) => {
      const plain = write(all)
      const shortest = new URL(`http://[${plain}]`).hostname.slice(1, -1)
      const [c = 0, d = 0] = all.slice(6)
      const dotted = `${write(all.slice(0, 6))}:${c >> 8}.${c & 0xff}.${d >> 8}.${d & 0xff}`
      for (const address of [plain, plain.toUpperCase(), shortest, `${shortest}%eth0`, dotted])
        assert.deepEqual(parseIpv6(address), all, address)
    })
    fc.assert(property, { seed: 1 })
    assert.deepEqual(parseIpv6('1:2::192.0.2.17'), [1, 2, 0, 0, 0, 0, 0xc0_00, 0x02_11])
    assert.deepEqual(parseIpv6('1::2:3'), [1, 0, 0, 0, 0, 0, 2, 3])
  })

  test('are none of IPv4', () => assert.equal(parseIpv6('192.0.2.17'), undefined))
})

test('who holds something is an IPv4 address, or all of an IPv6 network', () => {
  assert.equal(toHolder('192.0.2.17'), '192.0.2.17')
  assert.equal(toHolder('::ffff:192.0.2.17'), '192.0.2.17')
  assert.equal(toHolder('2001:db8::1'), '2001:db8::/64')
  assert.equal(toHolder('socket'), 'socket')
})
