import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { Authority } from '../support/pki.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { pinyon } from './pinyon.ts'

test(
  'check-config tells until when client certificates are valid, and fails for one that is not',
  needs('openssl'),
  async (t) => {
    const authority = await Authority.create(t)
    const file = join(tempDir(t), 'pinyon.yaml')
    const check = async (days: number) => {
      const { cert, key } = await authority.issue('client', { days })
      const mirror = { baseurl: 'https://h/', sslverify: false, sslclientcert: cert, sslclientkey: key }
      writeFileSync(file, JSON.stringify({ mirrors: { m: mirror } }))
      return await pinyon(['check-config', '--config', file])
    }
    const good = await check(30)
    assert.deepEqual([good.code, good.stderr], [0, ''])
    assert.match(good.stdout, /^# m: its sslclientcert is valid until 20\d\d-\d\d-\d\dT/m)
    assert.match(good.stdout, /^# m: certificates of its servers are not checked$/m)
    const expired = await check(-1)
    assert.equal(expired.code, 1)
    assert.match(
      expired.stderr,
      /^pinyon: mirrors\.m\.sslclientcert: \/.*\.pem expired on 20\d\d-.*: put a new one in its place$/m,
    )
  },
)

test('import carries certificates over that are there', needs('openssl'), async (t) => {
  const authority = await Authority.create(t)
  const { cert, key } = await authority.issue('client')
  const text = `[rhel]\nbaseurl=https://h/\nsslverify=1\nsslcacert=${authority.ca}\nsslclientcert=${cert}\nsslclientkey=${key}\n`
  const { code, stdout } = await pinyon(['import', '-'], { input: text })
  assert.equal(code, 0)
  for (const [name, path] of Object.entries({
    sslcacert: authority.ca,
    sslclientcert: cert,
    sslclientkey: key,
  }))
    assert.match(stdout, new RegExp(`^ +${name}: ${path}$`, 'm'))
})
