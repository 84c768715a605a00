import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { mayLeadTo, reachOfAddress, wider, type Reach } from '../../src/model/reach.ts'

const ADDRESSES: Readonly<Record<Reach, readonly string[]>> = {
  public: [
    '8.8.8.8',
    '11.0.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.1.1',
    '100.63.255.255',
    '100.128.0.1',
    '169.253.1.1',
    '198.20.0.1',
    '2001:db8::1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '2002:808:808::1',
    '223.255.255.255',
    // What looks like a form that holds an IPv4 address, and is none.
    '::1:7f00:1',
    '2001:db8::ffff:7f00:1',
    '64:1::7f00:1',
    '2001:ff9b::7f00:1',
  ],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '198.18.0.1',
    'fc00::1',
    'fd00:ec2::254',
    'fec0::1',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '64:ff9b::a00:1',
    '64:ff9b:1::a00:1',
    '2002:a00:1::1',
    '2002:c0a8:1::',
    '::ffff:192.168.1.1',
    '::10.1.2.3',
  ],
  loopback: [
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::1',
    '::127.0.0.1',
  ],
  'link-local': [
    '169.254.169.254',
    '169.254.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
  ],
  never: [
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
    '::',
    'ff02::1',
    '::ffff:0.0.0.0',
    '',
    'example.org',
    '1.2.3',
    '1:2',
  ],
}

for (const [reach, addresses] of Object.entries(ADDRESSES))
  test(`addresses whose reach is ${reach}`, () => {
    for (const address of addresses) assert.equal(reachOfAddress(address), reach, address)
  })

describe('an answer', () => {
  const reaches: readonly Reach[] = ['public', 'private', 'loopback', 'link-local']
  test('leads no further in than where it came from, and never nowhere', () => {
    for (const [i, from] of reaches.entries())
      for (const [j, to] of reaches.entries()) {
        assert.equal(mayLeadTo(from, to), j <= i, `${from} to ${to}`)
        assert.equal(wider(from, to), reaches[Math.min(i, j)])
      }
    for (const from of reaches) assert.equal(mayLeadTo(from, 'never'), false)
  })
})
