import assert from 'node:assert/strict'
import { test } from 'node:test'

import { formatConfig } from '../../src/config/format.ts'
import { parseConfig } from '../../src/config/load.ts'

const parse = (text: string) => parseConfig('pinyon.yaml', text, { PROXY: '10.1.2.3' })

test('trusted proxies are addresses and networks, none unless told, and print as they are', () => {
  for (const text of ['', 'trusted_proxies:\n', 'trusted_proxies: []\n'])
    assert.equal(parse(text).trustedProxies, undefined)
  const config = parse('trusted_proxies: [127.0.0.1, "2001:db8::/32", "${PROXY}"]\n')
  const texts = ['127.0.0.1', '2001:db8::/32', '10.1.2.3']
  assert.deepEqual(config.trustedProxies?.texts, texts)
  assert.deepEqual(parse(formatConfig(config)).trustedProxies?.texts, texts)
  assert.deepEqual(parse('trusted_proxies: 10.0.0.0/8\n').trustedProxies?.texts, ['10.0.0.0/8'])
  for (const [text, found] of [
    [
      'trusted_proxies: [127.0.0.1, nginx.example]',
      /^pinyon\.yaml:1: trusted_proxies\S*: found "nginx\.example", expected an address or a network such as /,
    ],
    ['trusted_proxies: [10.0.0.0/33]', /found "?10\.0\.0\.0\/33"?, expected an address/],
    ['trusted_proxies: { a: b }', /trusted_proxies: found .*, expected at most 64 addresses and networks/],
    [
      `trusted_proxies: [${Array.from({ length: 65 }, () => '::1')
        .map((one) => `"${one}"`)
        .join()}]`,
      /expected at most 64/,
    ],
  ] as const)
    assert.throws(() => parse(text), { message: found }, text)
})
