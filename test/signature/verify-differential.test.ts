import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { judgeKeys } from '../../src/signature/judge-keys.ts'
import { verifyDetached, type Verdict } from '../../src/signature/verify.ts'
import { Gpg } from '../support/gpg.ts'
import { needs } from '../support/tools.ts'

// Each signature is given to gpgv as well: what it calls good, and nothing else, is good.

const TOOLS = needs('gpg', 'gpgv')
const DAY_S = 86_400
const NOW_S = Math.floor(Date.now() / 1000)
const DATA = Buffer.from('<repomd/>\n')

/** Words of gpgv that make its GOODSIG one that does not count. */
const BAD = ['BADSIG', 'ERRSIG', 'EXPKEYSIG', 'REVKEYSIG', 'EXPSIG', 'NODATA', 'UNEXPECTED']

let gpg: Gpg
after(() => gpg?.close())
const keys = new Map<string, string>()

before(async () => {
  if (TOOLS.skip !== false) return
  gpg = new Gpg()
  const specs = {
    rsa1024: { algorithm: 'rsa1024' },
    rsa2048: {},
    rsa4096: { algorithm: 'rsa4096' },
    dsa1024: { algorithm: 'dsa1024' },
    dsa2048: { algorithm: 'dsa2048' },
    ed25519: { algorithm: 'ed25519' },
    nistp256: { algorithm: 'nistp256' },
    nistp384: { algorithm: 'nistp384' },
    nistp521: { algorithm: 'nistp521' },
    secp256k1: { algorithm: 'secp256k1' },
    'rsa2048 with SHA-1 self-signature': { certHash: 'SHA1' },
    'rsa2048 with a signing subkey': { subkey: 'rsa2048' },
    'ed25519 with a signing subkey': { algorithm: 'ed25519', subkey: 'ed25519' },
  }
  for (const [name, spec] of Object.entries(specs))
    keys.set(name, await gpg.generate(`${name} <a@example.org>`, spec))
  const old = { at: NOW_S - 1000 * DAY_S, expires: `seconds=${100 * DAY_S}` }
  keys.set('expired', await gpg.generate('expired', old))
  keys.set('revoked', await gpg.generate('revoked'))
  keys.set('unknown', await gpg.generate('unknown'))
})

function id(name: string): string {
  return keys.get(name) ?? assert.fail(`no such key: ${name}`)
}

/** The verdict, which must be gpgv's. */
async function judge(
  data: Uint8Array,
  signature: Buffer,
  ring: Buffer,
  mayDiffer?: string,
): Promise<Verdict> {
  const verdict = verifyDetached(data, signature, (await judgeKeys(ring, Date.now())).keys, Date.now())
  const words = await gpg.verify(data, signature, ring)
  const good = words.includes('GOODSIG') && !words.some((word) => BAD.includes(word))
  if (mayDiffer === undefined)
    assert.equal(verdict.good !== undefined, good, `${JSON.stringify(verdict)} gpgv: ${words.join(' ')}`)
  return verdict
}

const SIGNERS = [
  'rsa1024',
  'rsa2048',
  'rsa4096',
  'dsa1024',
  'dsa2048',
  'ed25519',
  'nistp256',
  'nistp384',
  'nistp521',
  'rsa2048 with SHA-1 self-signature',
  'rsa2048 with a signing subkey',
  'ed25519 with a signing subkey',
]

describe('a signature counts', TOOLS, () => {
  for (const signer of SIGNERS)
    test(`of ${signer}, and not of other bytes`, async () => {
      const signature = await gpg.sign(DATA, { keys: [id(signer)] })
      const ring = await gpg.export([id(signer)])
      const verdict = await judge(DATA, signature, ring)
      assert.equal(verdict.good?.key.primary, id(signer))
      const wrong = await judge(Buffer.from('<repomd />\n'), signature, ring)
      assert.equal(wrong.good, undefined)
      assert.ok(wrong.reason.includes('no signature of these bytes'), wrong.reason)
      assert.equal(wrong.mayBeLate, true)
    })

  for (const hash of ['SHA1', 'SHA224', 'SHA384', 'SHA512'])
    test(`with ${hash}`, async () => {
      const signature = await gpg.sign(DATA, { keys: [id('rsa2048')], hash })
      const verdict = await judge(DATA, signature, await gpg.export([id('rsa2048')]))
      assert.equal(verdict.good?.hash, hash.toLowerCase())
    })

  test('in binary, with several keys in one file, in one block and in several', async () => {
    const signature = await gpg.sign(DATA, { keys: [id('ed25519')], how: ['--detach-sign'] })
    const all = [id('rsa2048'), id('dsa1024'), id('ed25519')]
    const blocks = await Promise.all(all.map((one) => gpg.export([one])))
    const rings = [
      await gpg.export(all),
      await gpg.export(all, '--export-options', 'export-minimal'),
      Buffer.concat(blocks),
    ]
    for (const ring of rings) {
      const verdict = verifyDetached(DATA, signature, (await judgeKeys(ring, Date.now())).keys, Date.now())
      assert.equal(verdict.good?.key.primary, id('ed25519'))
    }
  })

  test('when another one, of an unknown key, is beside it', async () => {
    const signature = await gpg.sign(DATA, { keys: [id('unknown'), id('rsa2048')] })
    // gpgv wants all of them to be good, librepo one.
    const verdict = await judge(DATA, signature, await gpg.export([id('rsa2048')]), 'stricter')
    assert.equal(verdict.good?.key.primary, id('rsa2048'))
  })
})

async function refused(
  signature: Buffer,
  ring: Buffer,
  reason: RegExp,
  mayBeLate = false,
  data = DATA,
): Promise<void> {
  const verdict = await judge(data, signature, ring)
  assert.equal(verdict.good, undefined)
  assert.match(verdict.reason, reason)
  assert.equal(verdict.mayBeLate, mayBeLate)
}

describe('a signature does not count', TOOLS, () => {
  test('by an unknown key', async () => {
    const signature = await gpg.sign(DATA, { keys: [id('unknown')] })
    const named = new RegExp(`unknown key: ${id('unknown')}; gpgkey has ${id('rsa2048')}`)
    await refused(signature, await gpg.export([id('rsa2048')]), named)
  })

  test('by a key that has expired, also when it was made before', async () => {
    const at = NOW_S - 950 * DAY_S
    const signature = await gpg.sign(DATA, { keys: [id('expired')], at })
    await refused(
      signature,
      await gpg.export([id('expired')]),
      new RegExp(`${id('expired')} \\(expired\\).* expired on \\d{4}-`),
    )
  })

  test('by a revoked key, also when it was made before', async () => {
    const signature = await gpg.sign(DATA, { keys: [id('revoked')] })
    assert.notEqual((await judge(DATA, signature, await gpg.export([id('revoked')]))).good, undefined)
    await gpg.revoke(id('revoked'))
    await refused(signature, await gpg.export([id('revoked')]), /the key is revoked/)
  })

  test('when it has expired itself', async () => {
    const how = ['--armor', '--detach-sign', '--default-sig-expire', 'seconds=60']
    const signature = await gpg.sign(DATA, { keys: [id('rsa2048')], how })
    const verdict = verifyDetached(
      DATA,
      signature,
      (await judgeKeys(await gpg.export([id('rsa2048')]), Date.now())).keys,
      Date.now() + 120_000,
    )
    assert.match(verdict.good === undefined ? verdict.reason : '', /the signature expired on/)
  })

  test('with MD5', async () => {
    const signature = await gpg.sign(DATA, { keys: [id('rsa2048')], hash: 'MD5' })
    await refused(signature, await gpg.export([id('rsa2048')]), /refused: MD5/)
  })

  test('in a clear-signed message, or a signed one', async () => {
    const ring = await gpg.export([id('rsa2048')])
    const clear = await gpg.sign(DATA, { keys: [id('rsa2048')], how: ['--clearsign'] })
    await refused(clear, ring, /no detached signature but: SIGNED MESSAGE/, true)
    const opaque = await gpg.sign(DATA, { keys: [id('rsa2048')], how: ['--armor', '--sign'] })
    await refused(opaque, ring, /no detached signature but: MESSAGE/, true)
    const binary = await gpg.sign(DATA, { keys: [id('rsa2048')], how: ['--sign'] })
    await refused(binary, ring, /no detached signature but a packet of type: \d+|packet in pieces/, true)
  })

  test('by a key on a curve that nobody signs repositories with', async () => {
    const signature = await gpg.sign(DATA, { keys: [id('secp256k1')] })
    const verdict = await judge(DATA, signature, await gpg.export([id('secp256k1')]), 'gpgv knows it')
    assert.match(verdict.good === undefined ? verdict.reason : '', /its curve is not supported: secp256k1/)
  })

  test('when it is empty, garbage, cut short or changed', async () => {
    const ring = await gpg.export([id('rsa2048')])
    const signature = await gpg.sign(DATA, { keys: [id('rsa2048')], how: ['--detach-sign'] })
    await refused(Buffer.alloc(0), ring, /no OpenPGP signature, bytes: 0/, true)
    await refused(Buffer.from('<html>'), ring, /no OpenPGP signature, bytes: 6/, true)
    await refused(signature.subarray(0, 60), ring, /cut short/, true)
    for (let at = 0; at < signature.length; at += 7) {
      const changed = Buffer.from(signature)
      changed[at] = (changed[at] ?? 0) ^ 0x10
      const verdict = await judge(DATA, changed, ring, 'unhashed parts may be changed')
      const words = await gpg.verify(DATA, changed, ring)
      if (verdict.good !== undefined)
        assert.ok(words.includes('GOODSIG'), `byte ${at} matters to gpgv: ${words.join(' ')}`)
    }
  })

  test('by a subkey that is revoked', async () => {
    const fingerprint = await gpg.generate('a subkey goes', { subkey: 'rsa2048' })
    const signature = await gpg.sign(DATA, { keys: [fingerprint] })
    assert.notEqual((await judge(DATA, signature, await gpg.export([fingerprint]))).good, undefined)
    await gpg.edit(fingerprint, ['key 1', 'revkey', 'y', '0', '', 'y', 'save'])
    await refused(signature, await gpg.export([fingerprint]), /the subkey is revoked/)
  })

  test('by a key whose file was cut down to the key itself', async () => {
    const signature = await gpg.sign(DATA, { keys: [id('rsa2048')] })
    const ring = await gpg.export([id('rsa2048')], '--export-options', 'export-minimal')
    const length = ring.readUInt16BE(1)
    await refused(signature, ring.subarray(0, 3 + length), /it is by [0-9A-F]{40}: Could not find/)
  })
})
