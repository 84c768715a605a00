import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { maskClient, plainClient } from '../../src/model/client-network.ts'

describe('the network of a client', () => {
  const known = [
    ['10.1.2.3', '10.1.2.0/24'],
    ['::ffff:10.1.2.3', '10.1.2.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['2001:0DB8:0000:0001::1', '2001:db8:0:1::/64'],
    ['::1', '::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['64:ff9b::10.1.2.3', '64:ff9b::/64'],
  ] as const
  for (const [address, network] of known)
    test(`${address} is ${network}`, () => assert.equal(maskClient(address), network))

  test('of what is no address is unknown, and tells nothing of it', () => {
    const nothing = [
      '',
      'unknown',
      'host.example.org',
      '1.2.3',
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '::1:2:3:4:5:6:7:8:9',
    ]
    for (const text of [...nothing, '12345::', '::999.999.999.999', '/run/admin.sock', '1:'.repeat(1_000)])
      assert.equal(maskClient(text), 'unknown', text)
  })

  test('is the same for however an IPv6 address is written', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xff_ff }))
    const property = fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const long = groups.map((one) => one.toString(16).padStart(4, '0')).join(':')
      const short = new URL(`http://[${long}]/`).hostname.slice(1, -1)
      const top = [...groups.slice(0, 4), 0, 0, 0, 0].map((one) => one.toString(16)).join(':')
      const expected = `${new URL(`http://[${top}]/`).hostname.slice(1, -1)}/64`
      assert.deepEqual([maskClient(long), maskClient(long.toUpperCase())], [expected, expected])
      if (plainClient(short) === short) assert.equal(maskClient(short), expected)
    })
    fc.assert(property, { seed: 20161213, numRuns: 2_000 })
  })
})

test('an IPv4 address that came over an IPv6 socket is shown as what it is', () => {
  assert.equal(plainClient('::ffff:10.0.0.1'), '10.0.0.1')
  assert.equal(plainClient('::FFFF:10.0.0.1'), '10.0.0.1')
  for (const other of ['10.0.0.1', '::ffff:a00:1', '2001:db8::ffff:10.0.0.1', ''])
    assert.equal(plainClient(other), other)
})
